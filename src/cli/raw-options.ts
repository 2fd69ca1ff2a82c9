/** Options as yargs gives them, and what they must be. Mistakes are thrown as `UsageError`. */
import { isRegionName } from '../core/arn.js';
import { misspelt } from '../core/regions.js';
import { UsageError } from './usage-error.js';

/** Options as they were given, by name. */
export type Raw = Readonly<Record<string, unknown>>;

/** An option's one value. */
export function single(raw: Raw, name: string): string | undefined {
  const value = raw[name];
  if (value === undefined) return undefined;
  if (Array.isArray(value)) throw new UsageError(`--${name} was given more than once`);
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} needs a value`);
  return value;
}

/** The values of an option that may be given more than once, in order, each once. */
export function list(
  raw: Raw,
  name: string,
  accepts: (value: string) => boolean,
  form: string,
): string[] | undefined {
  const values = raw[name] as (string | undefined)[] | undefined;
  if (!values) return undefined;
  for (const value of values) {
    if (value === undefined || !accepts(value)) {
      throw new UsageError(`--${name}: ${value ?? 'nothing'} is not ${form}`);
    }
  }
  return [...new Set(values as string[])].sort();
}

/** An option's one value, where it has the form that it must have. */
export function checked(
  raw: Raw,
  name: string,
  accepts: (value: string) => boolean,
  form: string,
): string | undefined {
  const value = single(raw, name);
  if (value !== undefined && !accepts(value))
    throw new UsageError(`--${name}: ${value} is not ${form}`);
  return value;
}

const A_REGION = 'a Region such as us-east-1';

function refuseMisspelt(name: string, region: string): void {
  const meant = misspelt(region);
  if (meant === undefined) return;
  throw new UsageError(`--${name}: no Region is named ${region}: did you mean ${meant}?`);
}

/** An option's one Region. New Regions may have any name that isn't a known one's, misspelt. */
export function region(raw: Raw, name: string): string | undefined {
  const value = checked(raw, name, isRegionName, A_REGION);
  if (value !== undefined) refuseMisspelt(name, value);
  return value;
}

/** The Regions of an option that may be given more than once. */
export function regions(raw: Raw, name: string): string[] | undefined {
  const values = list(raw, name, isRegionName, A_REGION);
  for (const value of values ?? []) refuseMisspelt(name, value);
  return values;
}

/** An option's one value out of a few, of which the first is the default. */
export function oneOf<T extends string>(raw: Raw, name: string, values: readonly [T, ...T[]]): T {
  const value = single(raw, name) ?? values[0];
  const found = values.find((one) => one === value);
  if (found !== undefined) return found;
  const others = values.slice(0, -1).join(', ');
  throw new UsageError(`--${name}: ${value} is not ${others} or ${values.at(-1) ?? ''}`);
}

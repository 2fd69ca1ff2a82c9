import { isSlip } from './nearest.js';

/** Regions of an account's own choice, as of 2026; AWS adds more. */
const OPT_IN: readonly string[] = [
  'af-south-1',
  'ap-east-1',
  'ap-east-2',
  'ap-south-2',
  'ap-southeast-3',
  'ap-southeast-4',
  'ap-southeast-5',
  'ap-southeast-6',
  'ap-southeast-7',
  'ca-west-1',
  'eu-central-2',
  'eu-south-1',
  'eu-south-2',
  'il-central-1',
  'me-central-1',
  'me-south-1',
  'mx-central-1',
];

/** The Regions that every account of a partition has from the start; others are opt-in. */
const DEFAULT_ENABLED: Readonly<Record<string, readonly string[]>> = {
  aws: [
    'ap-northeast-1',
    'ap-northeast-2',
    'ap-northeast-3',
    'ap-south-1',
    'ap-southeast-1',
    'ap-southeast-2',
    'ca-central-1',
    'eu-central-1',
    'eu-north-1',
    'eu-west-1',
    'eu-west-2',
    'eu-west-3',
    'sa-east-1',
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
  ],
  'aws-cn': ['cn-north-1', 'cn-northwest-1'],
  'aws-us-gov': ['us-gov-east-1', 'us-gov-west-1'],
};

/** All Regions that are known by name. There may be others by now: good for a warning, no more. */
export const REGIONS: readonly string[] = [...Object.values(DEFAULT_ENABLED).flat(), ...OPT_IN];

/** The opt-in Regions of a partition. */
export const optInRegions = (partition: string): readonly string[] =>
  partition === 'aws' ? OPT_IN : [];

/** The default-enabled Regions of a partition; none where the partition isn't known. */
export function defaultRegions(partition: string): readonly string[] {
  return DEFAULT_ENABLED[partition] ?? [];
}

/**
 * The known Region of which a name is a slip, where it can't be a new Region's: new ones have another
 * number or country, or words of the compass, of which no two are a slip apart.
 */
export function misspelt(region: string): string | undefined {
  if (REGIONS.includes(region)) return undefined;
  const parts = (name: string) => /^([a-z]+)-(.*)-(\d+)$/.exec(name)?.slice(1) ?? [];
  const [country, words = '', number] = parts(region);
  return REGIONS.find((known) => {
    const [its, meant = '', last] = parts(known);
    return its === country && last === number && isSlip(words, meant);
  });
}

/** A workflow of GitHub Actions, read as YAML and run step by step as GitHub's runner does. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as prettierYaml from 'prettier/plugins/yaml';

interface Node {
  readonly type: string;
  readonly value?: string;
  readonly children?: readonly (Node | null)[];
}
export type Value = string | readonly Value[] | { readonly [name: string]: Value } | undefined;

const { parse } = (
  prettierYaml as unknown as {
    parsers: { yaml: { parse: (text: string, options: object) => Node | Promise<Node> } };
  }
).parsers.yaml;

/** A key's text. */
const textOf = ({ value, children: [of] = [] }: Node): string => value ?? (of ? textOf(of) : '');

/** A node as a value; what isn't quoted stays text, too. */
function valueOf({ type, value, children = [] }: Node): Value {
  const inner = children.filter((one) => one !== null);
  if (/[mM]apping$/.test(type)) {
    return Object.fromEntries(
      inner.map(({ children: [key, of] = [] }) => [
        key ? textOf(key) : '',
        of ? valueOf(of) : undefined,
      ]),
    );
  }
  if (/[sS]equence$/.test(type)) return inner.map(valueOf);
  if (value !== undefined) return value;
  const [first] = inner.filter((one) => one.type !== 'documentHead');
  return first && valueOf(first);
}

/** Reads YAML; throws where it is none. */
export async function parseYaml(text: string): Promise<Value> {
  return valueOf(await parse(text, { originalText: text }));
}

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly run?: string;
}

export interface Job {
  readonly env: Readonly<Record<string, string>>;
  readonly defaults?: { readonly run: { readonly shell: string } };
  readonly 'timeout-minutes': string;
  readonly steps: readonly Step[];
}

type Context = (path: string) => string | boolean;

/** As much of GitHub's expressions as the documents use; anything else is an error. */
function evaluate(expression: string, context: Context): string | boolean {
  const text = expression.trim();
  const either = (operator: string, stop: (value: string | boolean) => boolean) => {
    const parts = text.split(` ${operator} `);
    if (parts.length === 1) return undefined;
    let value: string | boolean = '';
    for (const part of parts) {
      value = evaluate(part, context);
      if (stop(value)) break;
    }
    return value;
  };
  const found =
    either('||', Boolean) ??
    either('&&', (value) => !value) ??
    (() => {
      const [left = '', operator, right = ''] = text.split(/ (==|!=) /);
      if (operator === undefined) return undefined;
      return (evaluate(left, context) === evaluate(right, context)) === (operator === '==');
    })();
  if (found !== undefined) return found;
  if (text.startsWith('!')) return !evaluate(text.slice(1), context);
  const [, literal] = /^'([^']*)'$/.exec(text) ?? [];
  if (literal !== undefined) return literal;
  if (text === 'true' || text === 'false') return text === 'true';
  return context(text);
}

const fill = (text: string, context: Context): string =>
  text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, inner: string) => String(evaluate(inner, context)));

export interface Ran {
  /** Whether the job is green. */
  readonly green: boolean;
  /** Each step's outcome, by its name, ID, action or command. */
  readonly outcomes: ReadonlyMap<string, string>;
  readonly output: string;
  readonly summary: string;
  /** Artifact → the names of its files. */
  readonly artifacts: ReadonlyMap<string, readonly string[]>;
}

export interface RunOptions {
  /** Where the job works; made anew. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, string | boolean>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Commands that are not run here. */
  readonly skip: readonly string[];
}

async function shell(script: string, isNamed: boolean, cwd: string, env: Record<string, string>) {
  const file = join(cwd, '.script');
  await writeFile(file, script);
  // What GitHub starts where a workflow names bash, and where it names no shell.
  const options = isNamed ? ['--noprofile', '--norc', '-eo', 'pipefail'] : ['-e'];
  const child = spawn('bash', [...options, file], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output += data.toString()));
  }
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, output };
}

/** Runs a job's steps; actions do what they are known for here. */
export async function runJob(job: Job, options: RunOptions): Promise<Ran> {
  const { directory: cwd, inputs = {}, secrets = {} } = options;
  await mkdir(cwd);
  const [outputFile, summaryFile] = [join(cwd, '.output'), join(cwd, '.summary')];
  const outputs = new Map<string, string>();
  const outcomes = new Map<string, string>();
  const artifacts = new Map<string, string[]>();
  await writeFile(summaryFile, '');
  let [green, output, role] = [true, '', ''];

  const context: Context = (path) => {
    const [, step = '', what = '', name = ''] =
      /^steps\.(\w+)\.(\w+)(?:\.(\w+))?$/.exec(path) ?? [];
    if (what === 'outputs') return outputs.get(`${step}.${name}`) ?? '';
    if (what === 'outcome') return outcomes.get(step) ?? '';
    const [head, key = ''] = path.split('.');
    if (head === 'inputs') return inputs[key] ?? '';
    if (head === 'secrets') return secrets[key] ?? '';
    if (head === 'github') return key;
    if (path === 'always()') return true;
    if (path === 'cancelled()') return false;
    if (path === 'success()') return green;
    throw new Error(`unknown: ${path}`);
  };
  const use = async (action: string, given: Readonly<Record<string, string>>): Promise<void> => {
    if (/^actions\/(?:checkout|setup-node)$/.test(action)) return;
    if (action === 'aws-actions/configure-aws-credentials') {
      role = given['role-to-assume'] ?? '';
      return;
    }
    if (action !== 'actions/upload-artifact') throw new Error(`unknown action ${action}`);
    const path = given['path'] ?? '';
    // A directory, or names by their beginning.
    const isWanted = (name: string): boolean =>
      name.startsWith(path.endsWith('*') ? path.slice(0, -1) : `${path}/`);
    const entries = await readdir(cwd, { recursive: true, withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(cwd, join(parentPath, name)))
      .filter(isWanted);
    artifacts.set(fill(given['name'] ?? '', context), names.sort());
  };

  for (const step of job.steps) {
    const names = [step.name, step.id, step.uses, step.run].filter((one) => one !== undefined);
    const condition = step.if?.replace(/^\$\{\{(.*)\}\}$/, '$1') ?? 'success()';
    let outcome = 'skipped';
    if (evaluate(condition, context) === true) {
      outcome = 'success';
      if (step.uses !== undefined) {
        await use(step.uses.replace(/@.*/, ''), step.with ?? {});
      } else if (!options.skip.includes(step.run ?? '')) {
        await writeFile(outputFile, '');
        const own = Object.entries({ ...job.env, ...step.env }).map(
          ([name, text]): [string, string] => [name, fill(text, context)],
        );
        const ran = await shell(step.run ?? '', job.defaults?.run.shell === 'bash', cwd, {
          ...options.env,
          ...{ GITHUB_ACTIONS: 'true', GITHUB_ACTOR: 'octocat', ROLE: role },
          ...{ GITHUB_OUTPUT: outputFile, GITHUB_STEP_SUMMARY: summaryFile },
          ...Object.fromEntries(own),
        });
        output += ran.output;
        if (ran.status !== 0) outcome = 'failure';
        for (const [, name = '', value = ''] of (await readFile(outputFile, 'utf8')).matchAll(
          /^(\w+)=(.*)$/gm,
        )) {
          outputs.set(`${step.id ?? ''}.${name}`, value);
        }
      }
    }
    green &&= outcome !== 'failure';
    for (const name of names) outcomes.set(name, outcome);
  }
  return { green, outcomes, output, summary: await readFile(summaryFile, 'utf8'), artifacts };
}

/** Medians of a program's runs, and tables of them. */
import { median, type Figures } from './measure.js';
import type { Contender } from './cases.js';
import type { EndpointTally } from './endpoint.js';

/** One run, with what the endpoint saw of it. */
export interface Run {
  readonly figures: Figures;
  readonly tally: EndpointTally;
}

/** What a table says of a program. */
export interface Row {
  readonly scene: string;
  readonly name: string;
  readonly turns: number;
  readonly files: number;
  readonly wall: number;
  readonly rate: number;
  readonly cpuMs: number;
  readonly cores: number;
  readonly mb: number;
  readonly requests: number;
  /** Where start-up is known: files a second without it. */
  readonly netRate?: number;
}

export function toRow(scene: string, { name, files }: Contender, runs: readonly Run[]): Row {
  const of = (figure: (run: Run) => number): number => median(runs.map(figure));
  const wall = of(({ figures }) => figures.wall);
  const cpu = of(({ figures }) => figures.cpu);
  const row = {
    ...{ scene, name, files, wall, turns: runs.length, rate: files / wall },
    cpuMs: (cpu / files) * 1000,
    cores: of(({ figures }) => figures.cpu / figures.wall),
    mb: Math.max(...runs.map(({ figures }) => figures.mb)),
    requests: of(({ tally }) => tally.requests),
  };
  if (!name.startsWith('bare')) return row;
  return { ...row, netRate: (files / of(({ figures }) => Number(figures.output))) * 1000 };
}

const short = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

const HEAD = [
  ...['case', 'program', 'turns', 'files', 'wall s', 'files/s', 'no start-up'],
  ...['CPU ms/file', 'cores', 'peak MB', 'requests', 'x aws', '% of bare', 'CPU x bare'],
];

/**
 * Lines of a scene, compared with its own AWS CLI and the bare client that has as many connections.
 */
export function cells(rows: readonly Row[]): string[][] {
  const connections = ({ name }: Row): string => /\d+/.exec(name)?.[0] ?? '';
  const aws = rows.find(({ name }) => name === 'aws');
  return rows.map((row) => {
    const bare = rows.find(({ name }) => name === `bare ${connections(row)}`);
    return [
      ...[row.scene, row.name, String(row.turns), String(row.files)],
      ...[
        row.wall.toFixed(2),
        short(row.rate),
        row.netRate === undefined ? '' : short(row.netRate),
      ],
      ...[row.cpuMs.toFixed(row.cpuMs < 10 ? 3 : 1), row.cores.toFixed(2)],
      ...[row.mb.toFixed(0), row.requests.toFixed(0)],
      aws ? (row.rate / aws.rate).toFixed(1) : '',
      bare ? ((row.rate / bare.rate) * 100).toFixed(0) : '',
      bare ? (row.cpuMs / bare.cpuMs).toFixed(2) : '',
    ];
  });
}

/** Text in columns, numbers to the right; as Markdown also between bars. */
export function table(lines: readonly string[][], format: 'plain' | 'markdown'): string {
  const all = [HEAD, ...lines];
  const widths = HEAD.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const padded = all.map((line) =>
    line.map((cell, at) =>
      at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    ),
  );
  if (format === 'plain') return padded.map((line) => line.join('  ').trimEnd()).join('\n');
  const rule = widths.map((width, at) =>
    at < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  const [head = [], ...body] = padded;
  return [head, rule, ...body].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** What the command says to somebody who made a mistake, or whom something else answered. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderText } from '../src/report/text.js';
import { PLAIN } from '../src/report/style.js';
import { base, FROM } from './support/lies.js';
import { runCommand, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { start } from './support/spawned.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const ARN = 'arn:aws:cloudtrail:us-east-1:111122223333:trail/main';
const ASKED = ['--trail-arn', ARN, '--start-time', '2d'];
const NOWHERE = ['--endpoint-url', 'http://127.0.0.1:9'];

/** What is said of a command line that can't be run. */
async function said(...argv: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCommand(argv);
  expect([status, stdout]).toEqual([2, '']);
  return stderr.replaceAll('validate-trail: ', '');
}

describe('a misspelt command line', () => {
  it.each([
    [[...ASKED, '--formt', 'json'], '--formt is not an option: did you mean --format?'],
    [[...ASKED, '--ouptut=x'], '--ouptut is not an option: did you mean --output?'],
    [[...ASKED, '--no-such-thing'], '--no-such-thing is not an option\n'],
    [['merg', 'x'], 'merg is neither a command nor an option: did you mean validate-trail merge?'],
    [[...ASKED, 'everything'], 'everything is neither a command nor an option\n'],
    [['merge', 'x', '--max-aeg', '3d'], '--max-aeg is not an option: did you mean --max-age?'],
    [
      [...ASKED, '--format', 'xml'],
      '--format: xml is not text, json, ndjson, junit, markdown, html, sarif or csv',
    ],
    [[...ASKED, '--s3-client', 'own'], '--s3-client: own is not auto or sdk'],
    [[...ASKED, '--format'], '--format needs a value'],
    [
      [...ASKED, '--endpoint-url', 'notaurl'],
      '--endpoint-url: notaurl is not an http or https URL such as http://localhost:4566\n',
    ],
    [[...ASKED, '-v'], '-v is not an option: did you mean --verbose or --version?\n'],
    [[...ASKED, '-V'], '-V is not an option: did you mean --version?\n'],
    [[...ASKED, '-o', 'x'], '-o is not an option: did you mean --output?\n'],
    [[...ASKED, '-ox'], '-ox is not an option: did you mean --output?\n'],
    [['merge', 'x', '-v'], '-v is not an option: did you mean --verbose?\n'],
    [['collect', '-q'], '-q is not an option: did you mean --quiet?\n'],
    [[...ASKED, '-end-time', '1d'], '-end-time is not an option: did you mean --end-time?\n'],
    [[...ASKED, '-x'], '-x is not an option\n'],
    [[...ASKED, '--v'], '--v is not an option\n'],
  ])('%j', async (argv, words) => {
    expect(await said(...argv)).toContain(`error: ${words}`);
  });

  it.each([
    ['merge'],
    ['collect', '--start-time', '1d'],
    ['collect', '--evidence', 'new', ...ASKED, '--end-time', '3d'],
    ['keys', '--output', 'x'],
    ['keys', '--output', 'x', '--start-time', '1d', '--end-time', '2d'],
    ['verify-report'],
    ['completion', 'fish'],
  ])('of %s: its own help is named', async (...argv) => {
    const hint = `hint: validate-trail ${argv[0]} --help tells more\n`;
    // A range that can't be read says by itself what to give.
    expect(await said(...argv)).toMatch(new RegExp(`${hint}$|give an earlier --start-time`));
  });

  it('of no command: the help of all', async () => {
    expect(await said('--trail-arn', ARN)).toMatch(
      /hint: validate-trail --help lists the options\n$/,
    );
  });

  it('help is --help, of merge as well', async () => {
    expect(await runCommand(['help'])).toEqual(await runCommand(['--help']));
    expect(await runCommand(['help', 'merge'])).toEqual(await runCommand(['merge', '--help']));
  });

  it('the help of merge has the exit statuses, ranges and defaults of the main help', async () => {
    const flat = async (...argv: string[]): Promise<string> =>
      (await runCommand(argv)).stdout.replaceAll(/\[string\]|\s+/g, ' ').replaceAll(/ +/g, ' ');
    const helps = [await flat('--help'), await flat('merge', '--help')];
    for (const help of helps) {
      for (const words of [
        'Exit status: 0 valid: everything asked for',
        '130 interrupted; what was done',
        'html, sarif or csv [default: text]',
        'at the same time (1 to 1024) [default: 64]',
        'that hash log files (0 to 64) [default: as many as cores, at most 4]',
        '[default: 2d]',
      ]) {
        expect(help).toContain(words);
      }
    }
    expect(helps[0]).toContain('--max-age with --resume, and for validate-trail merge, not for a');
  });

  it('a range without length is told with its times', async () => {
    const times = ['--start-time', '2026-03-02', '--end-time', '2026-03-01'];
    expect(await said('--trail-arn', ARN, ...times)).toBe(
      'error: --start-time (2026-03-02T00:00:00Z) is not before --end-time (2026-03-01T00:00:00Z)\n' +
        'hint: give an earlier --start-time or a later --end-time\n',
    );
  });

  it('a range that begins later than digest files are due says how much later', async () => {
    const from = (hours: number): string[] => {
      const begin = new Date(Date.now() + hours * 3_600_000).toISOString();
      return ['--trail-arn', ARN, '--start-time', begin];
    };
    for (const more of [[], ['--estimate']]) {
      expect(await said(...from(1), ...more)).toContain(
        'error: --start-time lies in the future: choose an earlier one\n',
      );
      expect(await said(...from(-1), ...more)).toContain('lies within the last two hours');
    }
  });

  it.each([
    ['us-est-1', 'us-east-1'],
    ['us-esat-1', 'us-east-1'],
    ['eu-cenntral-1', 'eu-central-1'],
    ['us-gov-eest-1', 'us-gov-east-1'],
  ])('%s, which is %s misspelt, is no Region', async (region, meant) => {
    const words = (option: string) =>
      `error: --${option}: no Region is named ${region}: did you mean ${meant}?\n`;
    expect(await said(...ASKED, '--region', region)).toContain(words('region'));
    const named = ['--trail-name', 'main', '--home-region', region, '--start-time', '2d'];
    expect(await said(...named)).toContain(words('home-region'));
    const evidence = ['collect', '--evidence', 'new', ...ASKED];
    expect(await said(...evidence, '--region', region)).toContain(words('region'));
    const keys = ['keys', '--output', 'x', '--start-time', '2d', '--region', 'us-east-1'];
    expect(await said(...keys, '--region', region)).toContain(words('region'));
  });

  it('a Region that may be a new one is asked for, with a warning', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, async (argv) => {
      const of = async (region: string) => (await runCommand([...argv, '--region', region])).stderr;
      // One letter from known ones, each.
      for (const [region, known] of [
        ['ap-southeast-8', 'ap-southeast-1'],
        ['ca-east-1', 'sa-east-1'],
        ['us-east-11', 'us-east-1'],
      ] as const) {
        expect(await of(region)).toBe(
          `validate-trail: no known Region is named ${region}: did you mean ${known}?\n`,
        );
      }
      for (const region of ['zz-nowhere-7', 'us-central-1', 'ap-southwest-1']) {
        expect(await of(region)).toContain(`no known Region is named ${region}: `);
      }
      for (const known of ['us-east-1', 'eu-south-1']) expect(await of(known)).toBe('');
    });
  });

  it('a Region that may be a new one is warned of by collect as well', async () => {
    await inTemp(async (directory) => {
      const evidence = ['collect', '--evidence', join(directory, 'new'), ...NOWHERE, ...ASKED];
      expect(await said(...evidence, '--region', 'zz-nowhere-7')).toContain('is it spelt right?');
    });
  });
});

describe('files', () => {
  it('that can’t be used are named, with a hint', async () => {
    await inTemp(async (directory) => {
      const file = join(directory, 'README.md');
      await writeFile(file, '# Precious\n');
      expect(await said(...ASKED, '--evidence', file)).toMatch(
        /no evidence directory .*README\.md\nhint: name the directory/,
      );
      expect(await said(...ASKED, '--public-keys', directory)).toBe(
        `error: --public-keys ${directory} can’t be read: EISDIR: illegal operation on a directory\n` +
          'hint: name a file with the JSON that aws cloudtrail list-public-keys prints, or that validate-trail keys wrote\n',
      );
    });
  });

  it('that are no journal or partial are never said to be removed', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, async (argv) => {
      await inTemp(async (directory) => {
        const file = join(directory, 'README.md');
        await writeFile(file, '# Precious\n');
        for (const [own, kind, option] of [
          [['--resume', file], 'journal', '--resume'],
          [['--shard', '1/2', '--partial', file], 'partial', '--partial'],
        ] as const) {
          expect(await said(...argv, ...own)).toBe(
            `error: ${file} is no ${kind}: it is another kind of file\n` +
              `hint: give ${option} the name of a new file, or of one that such a run left\n`,
          );
        }
        expect(await said('merge', file)).toMatch(
          /README\.md is no partial: .*\nhint: give merge the files that the shards wrote/,
        );
        expect(await readFile(file, 'utf8')).toBe('# Precious\n');
      });
    });
  });

  it('a partial is called so, and merge says what to do with a damaged one, or one given twice', async () => {
    const { builder, start, end } = base();
    await serving(builder, { start, end }, {}, async (argv) => {
      await inTemp(async (directory) => {
        const [one = '', two = ''] = partials(directory, 2);
        const lines = await runShards(argv, [one, two]);
        expect(lines.join('')).toContain('1 segment of 1 source, 7 digest files, 14 log files');
        expect(await said('merge', one, two, one)).toBe(
          `error: partial ${one} is given twice\nhint: give merge every shard’s file once\n`,
        );
        await copyFile(one, `${one}-copy`);
        expect(await said('merge', one, `${one}-copy`)).toMatch(
          /overlap: both are shard 1\/2\nhint: give merge only one of them\n/,
        );
        const head = await readFile(one);
        for (const [length, words] of [
          [0, 'is empty'],
          [40, 'ends in its first line'],
        ] as const) {
          const begun = join(directory, `begun-${length}`);
          await writeFile(begun, head.subarray(0, length));
          expect(await said('merge', one, begun)).toBe(
            `error: partial ${begun} ${words}: its shard has read nothing yet\n` +
              'hint: run the shard again, and give merge every shard’s file once\n',
          );
        }
        const absent = (name: string) => said('merge', one, join(directory, name));
        expect(await absent('no.jsonl')).toMatch(/ENOENT.*\nhint: check the name, and that/);
        expect(await absent('*.nothing')).toMatch(/ENOENT.*\nhint: no file has such a name: the/);
        const other = [...argv, '--shard', '1/2', '--partial', one, '--digests-only'];
        expect(await said(...other)).toMatch(
          /partial \S+ is of other work: it was begun without --digests-only, and this is with --digests-only\n/,
        );
        const text = await readFile(one, 'utf8');
        await writeFile(one, text.replace('"range":', '"renge":'));
        const damaged = `error: partial ${one} is damaged at line 1\nhint: remove `;
        const merged = await said('merge', one, two);
        expect(merged).toBe(`${damaged}the file, then run the shard again\n`);
        const shard = await said(...argv, '--shard', '1/2', '--partial', one);
        expect(shard).toBe(`${damaged}it, and the shard begins anew\n`);
      });
    });
  });
});

describe('without credentials', () => {
  it('ends when it is told to, also where who should give them never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    try {
      const { port } = silent.address() as AddressInfo;
      const asked = once(silent, 'connection');
      const run = start(ASKED, {
        AWS_ACCESS_KEY_ID: '',
        AWS_SECRET_ACCESS_KEY: '',
        AWS_SESSION_TOKEN: '',
        HOME: '/nonexistent',
        AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/x`,
      });
      await asked;
      run.signal('SIGTERM');
      const { status, stdout } = await run.ended;
      expect([status, stdout]).toEqual([130, '']);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });

  const none = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
  const { builder, start: from, end } = base();

  it('each command says so, and what helps', async () => {
    await serving(builder, { start: from, end }, {}, (argv) =>
      inTemp(async (directory) => {
        const files = partials(directory, 2);
        await runShards(argv, files);
        const of = async (own: readonly string[], env: Record<string, string> = {}) => {
          const ended = await start(own, { ...none, HOME: directory, ...env }).ended;
          expect([ended.status, ended.stdout]).toEqual([2, '']);
          return ended.stderr;
        };
        const file = join(directory, 'keys.json');
        const commands = [
          argv,
          [...argv, '--estimate'],
          [...argv, '--s3-bucket', 'trail-bucket'],
          ['collect', '--evidence', join(directory, 'new'), ...argv],
          ['collect', '--evidence', join(directory, 'new'), '--dry-run', ...argv],
          ['keys', '--output', file, ...argv.slice(2)],
          ['merge', ...files],
        ];
        for (const own of commands) {
          expect(await of(own)).toMatch(
            /^validate-trail: error: no AWS credentials were found\nvalidate-trail: hint: give --profile .*--evidence needs none\n$/,
          );
        }
        const named = 'error: no AWS credentials of the profile audit were found\n';
        expect(await of([...argv, '--profile', 'audit'])).toContain(named);
        expect(await of(argv, { AWS_PROFILE: 'audit' })).toContain(named);
        expect(await readdir(directory)).not.toContain('keys.json');
        await mkdir(join(directory, '.aws'));
        const sso = '[profile audit]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n';
        const session = '[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x\n';
        await writeFile(join(directory, '.aws', 'config'), sso + session);
        expect(await of([...argv, '--profile', 'audit'])).toMatch(
          /of the profile audit were found: .*aws sso login/,
        );
      }),
    );
  }, 120_000);
});

/** Answers as a load balancer does. */
const unavailable =
  (isAsked: (request: IncomingMessage) => boolean) =>
  (request: IncomingMessage, response: ServerResponse): boolean => {
    if (!isAsked(request)) return false;
    response.writeHead(503, { 'content-type': 'text/plain' }).end('Service Unavailable');
    return true;
  };
const target = ({ headers }: IncomingMessage): string => String(headers['x-amz-target'] ?? '');

describe('answers that are not AWS’s', () => {
  const { builder, start, end } = base();

  it('at CloudTrail: the status, no word of the SDK’s, and where to look', async () => {
    const answer = unavailable((request) => target(request) !== '');
    await serving(builder, { start, end }, { answer }, async (argv) => {
      expect(await said(...argv)).toBe(
        'error: CloudTrail in us-east-1 does not describe the trail: answered with status 503, not as AWS does\n' +
          'hint: check network, proxy and endpoint, or try again later\n',
      );
    });
    for (const argv of [
      ASKED,
      [...ASKED, '--estimate'],
      ['collect', '--evidence', 'x', ...ASKED],
    ]) {
      expect(await said(...argv, ...NOWHERE)).toBe(
        'error: CloudTrail in us-east-1: http://127.0.0.1:9 could not be reached: connect ECONNREFUSED 127.0.0.1:9\n' +
          'hint: check network, proxy and endpoint, or try again later\n',
      );
    }
    await inTemp(async (directory) => {
      const keys = ['keys', '--output', join(directory, 'keys.json'), '--start-time', '2d'];
      const { stderr } = await runCommand([...keys, '--region', 'us-east-1', ...NOWHERE]);
      expect(stderr).toContain('in us-east-1: http://127.0.0.1:9 could not be reached: connect');
    });
  });

  it.each([
    [302, '', { location: 'http://127.0.0.1:9/sign-in' }],
    [302, '<html>moved</html>', { location: 'http://127.0.0.1:9/sign-in' }],
    [404, '', {}],
    [403, '{}', { 'content-type': 'application/json' }],
  ] as const)('at CloudTrail with %i %j: the same', async (status, body, headers) => {
    const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
      if (target(request) === '') return false;
      response.writeHead(status, headers).end(body);
      return true;
    };
    await serving(builder, { start, end }, { answer }, async (argv) => {
      expect(await said(...argv)).toBe(
        `error: CloudTrail in us-east-1 does not describe the trail: answered with status ${status}, not as AWS does\n` +
          'hint: check network, proxy and endpoint, or try again later\n',
      );
    });
  });

  it.each([
    [302, '', 'service'],
    [404, '<html><body>no</body></html>', 'service'],
    [403, '', 'access-denied'],
    [503, '', 'throttled'],
  ] as const)('at S3 with %i %j: unreadable, with its status', async (status, body, reason) => {
    const answer = ({ url = '' }: IncomingMessage, response: ServerResponse): boolean => {
      if (!/\/CloudTrail\/.*\.json\.gz/.test(url)) return false;
      response.writeHead(status, { 'content-type': 'text/html' }).end(body);
      return true;
    };
    await serving(builder, { start, end }, { answer }, async (argv) => {
      const { report, status: exit } = await runJson(argv);
      expect([exit, report.verdict]).toEqual([3, 'incomplete']);
      const told = report.findings.map(({ message }) => message).join('\n');
      expect(told).toContain(`(${reason}): answered with status ${status}, not as AWS does`);
      expect(told).not.toContain('Unknown');
    });
  });

  it('at S3: so in the finding', async () => {
    const answer = unavailable(({ url = '' }) => /list-type=2.*CloudTrail-Digest/.test(url));
    await serving(builder, { start, end }, { answer }, async (argv) => {
      const { report } = await runJson(argv);
      const told = report.findings.map(({ message }) => message).join('\n');
      expect(told).toContain('(throttled): answered with status 503, not as AWS does');
      expect(told).not.toContain('Deserialization');
    });
  });

  it('an error without words is named once', async () => {
    const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
      if (!target(request).endsWith('GetTrailStatus')) return false;
      const type = { 'content-type': 'application/x-amz-json-1.1' };
      const name = 'TrailNotFoundException';
      const fault = JSON.stringify({ __type: name, message: name });
      response.writeHead(400, type).end(fault);
      return true;
    };
    await serving(builder, { start, end }, { answer }, async (argv) => {
      const { stdout } = await runJson(argv);
      expect(stdout).toContain('TrailNotFoundException');
      expect(stdout).not.toContain('TrailNotFoundException: TrailNotFoundException');
    });
  });
});

describe('a report in words', () => {
  it('has its counts in a column, and thousands apart', async () => {
    const builder = new TrailBuilder();
    for (const region of ['us-east-1', 'ap-southeast-1'])
      builder.chain({ region, from: FROM, hours: 4 });
    const range = { start: FROM + HOUR, end: FROM + 4 * HOUR };
    await serving(builder, range, {}, async (argv) => {
      const { report } = await runJson(argv);
      const [chain] = report.chains;
      const many = { ...report, chains: Array<typeof chain>(1808).fill(chain) } as typeof report;
      const text = renderText(report, { style: PLAIN, verbose: false });
      const columns = text.split('\n').filter((line) => line.includes(' 3/3 digest files'));
      expect(columns).toHaveLength(2);
      expect(new Set(columns.map((line) => line.indexOf('3/3'))).size).toBe(1);
      expect(renderText(many, { style: PLAIN, verbose: false })).toContain('Chains (1,808)\n');
    });
  });
});

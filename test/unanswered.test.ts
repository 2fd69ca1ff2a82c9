/** A CloudTrail that could not be reached, or isn't one, says nothing: neither good nor bad. */
import { describe, expect, it } from 'vitest';
import { FROM } from './support/lies.js';
import type { EndpointOptions } from './support/loopback.js';
import { accusations, runJson } from './support/run-command.js';
import { inTemp, partials, runShards, serving } from './support/shards.js';
import { start } from './support/spawned.js';
import { HOUR, TrailBuilder } from './support/trail-builder.js';

const range = { start: FROM + HOUR, end: FROM + 5 * HOUR };
const BUCKET = 'trail-bucket';

type Answer = NonNullable<EndpointOptions['answer']>;

/** Answers some of CloudTrail's operations with a page. */
const wordless =
  (operations: RegExp, [status, page]: readonly [number, string]): Answer =>
  (request, response) => {
    if (!operations.test(String(request.headers['x-amz-target']))) return false;
    response.writeHead(status, { 'content-type': 'application/json' }).end(page);
    return true;
  };

const WORDLESS = [
  [200, ''],
  [200, '{}'],
  [200, '<html>sign in</html>'],
  [404, '<html>not here</html>'],
  [302, ''],
  [502, ''],
] as const;

describe.each(WORDLESS)('CloudTrail that answers with status %i and %j', (...answered) => {
  /** A trail of which a whole Region was deleted. */
  const emptied = (): TrailBuilder => {
    const builder = new TrailBuilder({ isMultiRegion: true });
    builder.chain({ from: FROM, hours: 5 });
    builder.chain({ from: FROM, hours: 5, region: 'ap-south-1' });
    for (const key of [...builder.bucket(BUCKET).objects.keys()]) {
      if (key.includes('/ap-south-1/')) builder.remove({ bucket: BUCKET, key });
    }
    return builder;
  };

  it('leaves open whether a Region is gone, unless the Regions are named', async () => {
    const answer = wordless(/DescribeTrails|GetTrailStatus/, answered);
    await serving(emptied(), range, { answer }, async (argv) => {
      const own = [...argv, '--s3-bucket', BUCKET];
      const { report, status } = await runJson(own);
      expect([status, accusations(report)]).toEqual([3, ['REGION_UNCONFIRMED']]);
      const named = await runJson([...own, '--region', 'us-east-1']);
      expect(named.status).toBe(0);
    });
  });

  it('is heard by the merge, where shards could not hear it', async () => {
    const silent = wordless(/DescribeTrails|GetTrailStatus/, answered);
    let isSilent = true;
    const answer: Answer = (request, response) => isSilent && silent(request, response);
    await serving(emptied(), range, { answer }, (argv) =>
      inTemp(async (directory) => {
        const files = partials(directory, 2);
        await runShards([...argv, '--s3-bucket', BUCKET], files);
        const deaf = await runJson(['merge', ...files]);
        expect([deaf.status, accusations(deaf.report)]).toEqual([3, ['REGION_UNCONFIRMED']]);
        isSilent = false;
        const hearing = await runJson(['merge', ...files]);
        expect([hearing.status, accusations(hearing.report)]).toEqual([1, ['CHAIN_TAIL_CUT']]);
      }),
    );
  });

  it('does not vouch for quiet Regions', async () => {
    const answer = wordless(/GetTrailStatus/, answered);
    await serving(emptied(), range, { answer }, async (argv) => {
      const { report, status } = await runJson(argv);
      expect([status, accusations(report)]).toEqual([3, ['REGION_UNCONFIRMED']]);
    });
  });

  it('does not deny the trail', async () => {
    const answer = wordless(/DescribeTrails|GetTrail\b/, answered);
    await serving(emptied(), range, { answer }, async (argv) => {
      const { status, stderr } = await start(argv).ended;
      expect(status).toBe(2);
      expect(stderr).not.toContain('there is no trail');
      expect(stderr).toContain('check network, proxy and endpoint');
    });
  });

  it('does not deny the keys', async () => {
    const builder = new TrailBuilder();
    builder.chain({ from: FROM, hours: 5 });
    const answer = wordless(/ListPublicKeys/, answered);
    await serving(builder, range, { answer }, async (argv) => {
      const { report, status } = await runJson(argv);
      expect(status).toBe(3);
      const found = report.findings.find(({ code }) => code === 'KEYS_UNAVAILABLE');
      expect(found?.message).toMatch(/as AWS does|status 502/);
    });
  });
});

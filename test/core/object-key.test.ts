import { describe, expect, it } from 'vitest';
import { parseTrailArn } from '../../src/core/arn.js';
import { digestDayPrefix, parseDigestKey } from '../../src/core/object-key.js';

const source = { accountId: '111122223333', region: 'us-west-2' };
const trail = { name: 'foo', homeRegion: 'us-east-1' };
const key = (name: string, suffix = '', before = ''): string =>
  `${before}AWSLogs/111122223333/CloudTrail-Digest/us-west-2/2026/03/10/111122223333_CloudTrail-Digest_us-west-2_${name}_us-east-1_20260310T111728Z${suffix}.json.gz`;

describe('digest file keys', () => {
  it('reads plain, prefixed, organization, Control Tower and backfill keys', () => {
    const cases = [
      ['', {}],
      ['team.a/logs_x/', { prefix: 'team.a/logs_x' }],
      ['AWSLogs/', { prefix: 'AWSLogs' }],
    ] as const;
    for (const [before, expected] of cases) {
      const parsed = parseDigestKey('b', key('foo', '', before), source, trail);
      expect(parsed?.location).toEqual({ bucket: 'b', prefix: '', ...expected });
      expect(parsed?.kind).toBe('standard');
    }
    const organization = key('foo').replace('AWSLogs/', 'AWSLogs/o-exampleorgid/');
    expect(parseDigestKey('b', organization, source, trail)?.location).toEqual({
      bucket: 'b',
      prefix: '',
      organizationId: 'o-exampleorgid',
    });
    const tower = `o-exampleorgid/${organization}`;
    expect(parseDigestKey('b', tower, source, trail)?.location).toEqual({
      bucket: 'b',
      prefix: 'o-exampleorgid',
      organizationId: 'o-exampleorgid',
    });
    expect(parseDigestKey('b', key('foo', '_backfill'), source, trail)?.kind).toBe('backfill');
  });

  it('keeps trails of confusing names apart (W14)', () => {
    const other = 'foo_us-east-1_x';
    expect(parseDigestKey('b', key(other), source, trail)).toBeUndefined();
    expect(parseDigestKey('b', key(other), source, { ...trail, name: other })).toBeDefined();
    expect(parseDigestKey('b', key('f.o'), source, trail)).toBeUndefined();
    expect(parseDigestKey('b', key('foo'), source, { ...trail, name: 'f.o' })).toBeUndefined();
  });

  it('refuses every key that is not exactly one', () => {
    for (const wrong of [
      key('foo').replace('2026/03/10', '2026/03/11'),
      key('foo').replace('20260310T111728Z', '20260310T111768Z'),
      key('foo').replace('20260310T111728Z', '99991231T235959Z'),
      key('foo', '_backfill_backfill'),
      `${key('foo')}x`,
      `/${key('foo')}`,
      key('foo').replace('AWSLogs/', 'AWSLogs/o-x/'),
      key('foo').replace('111122223333_', '111122223334_'),
    ]) {
      expect(parseDigestKey('b', wrong, source, trail), wrong).toBeUndefined();
    }
  });

  it('lists with a prefix that no other trail shares', () => {
    const day = Date.UTC(2026, 2, 10) / 1000;
    const prefix = digestDayPrefix({ bucket: 'b', prefix: '' }, source, trail, day);
    expect(key('foo').startsWith(prefix)).toBe(true);
    expect(key('foo_us-east-1_x').startsWith(prefix)).toBe(false);
  });
});

describe('trail ARNs', () => {
  it('takes all partitions and nothing else', () => {
    expect(
      parseTrailArn('arn:aws-cn:cloudtrail:cn-north-1:111122223333:trail/a.b')?.homeRegion,
    ).toBe('cn-north-1');
    expect(
      parseTrailArn('arn:aws-us-gov:cloudtrail:us-gov-west-1:111122223333:trail/abc')?.partition,
    ).toBe('aws-us-gov');
    for (const wrong of [
      'foo:bar:baz',
      'arn:aws:cloudtrail:us-east-1:111122223333:trail',
      'arn:aws:cloudtrail:us-east-1:1:trail/abc',
      'arn:aws:cloudtrail:us-east-1:111122223333:trail/a/b',
    ]) {
      expect(parseTrailArn(wrong), wrong).toBeUndefined();
    }
  });
});

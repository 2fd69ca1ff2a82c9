import { describe, expect, it } from 'vitest';
import {
  formatInstant,
  parseDigestTime,
  parseKeyStamp,
  parseUserTime,
} from '../../src/core/timestamp.js';

const NOW = Date.UTC(2026, 10, 21, 7, 30, 0) / 1000;
const user = (text: string): string | undefined => {
  const time = parseUserTime(text, NOW);
  return time === undefined ? undefined : formatInstant(time);
};

describe('times', () => {
  it('takes digest times in their one form only', () => {
    expect(parseDigestTime('2015-08-17T15:01:31Z')).toBe(Date.UTC(2015, 7, 17, 15, 1, 31) / 1000);
    for (const text of [
      '2015-08-17T15:01:31',
      '2015-08-17 15:01:31Z',
      '2015-02-30T00:00:00Z',
      '',
      '2015-08-17T15:01:31.0Z',
      '2015-08-17T24:00:00Z',
    ]) {
      expect(parseDigestTime(text), text).toBeUndefined();
    }
    expect(parseKeyStamp('20150817T150131Z')).toBe(parseDigestTime('2015-08-17T15:01:31Z'));
    expect(parseKeyStamp('20151317T150131Z')).toBeUndefined();
  });

  it('honours offsets and takes relative times', () => {
    expect(user('2026-01-01T00:00:00-08:00')).toBe('2026-01-01T08:00:00Z');
    expect(user('2026-01-01T05:30+0530')).toBe('2026-01-01T00:00:00Z');
    expect(user('2026-01-01')).toBe('2026-01-01T00:00:00Z');
    expect(user('20260101T010203Z')).toBe('2026-01-01T01:02:03Z');
    expect(user('3d')).toBe('2026-11-18T07:30:00Z');
    expect(user('12h')).toBe('2026-11-20T19:30:00Z');
    expect(user('yesterday')).toBe('2026-11-20T00:00:00Z');
  });

  it('guesses nothing', () => {
    for (const text of ['10', 'monday', '2026', '2026-13-01', '2026-01-01T25:00', '3 days', '']) {
      expect(user(text), text).toBeUndefined();
    }
  });
});

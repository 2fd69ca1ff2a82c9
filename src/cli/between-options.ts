import type { Arguments } from './args.js';
import { list, single, type Raw } from './raw-options.js';
import { UsageError } from './usage-error.js';

type Between = Pick<
  Arguments,
  'state' | 'initState' | 'sinceState' | 'accept' | 'reason' | 'acceptedBy'
>;

/** Reads the options of what is remembered from one run to the next. */
export function readBetween(raw: Raw): Between {
  const state = single(raw, 'state');
  const accept =
    list(raw, 'accept', (id) => /^[0-9a-f]{12}$/.test(id), 'a finding’s ID, 12 hex digits') ?? [];
  const reason = single(raw, 'reason');
  const acceptedBy = single(raw, 'accepted-by');
  const initState = raw['init-state'] === true;
  const sinceState = raw['since-state'] === true;
  for (const [option, given] of Object.entries({
    'init-state': initState,
    'since-state': sinceState,
    accept: accept.length > 0,
  })) {
    if (given && state === undefined) throw new UsageError(`--${option} needs --state FILE`);
  }
  if (initState && (sinceState || accept.length > 0)) {
    throw new UsageError('--init-state begins a state that nothing can go on from yet');
  }
  if (accept.length > 0 && reason === undefined) {
    throw new UsageError('--accept needs --reason: say why');
  }
  if (accept.length === 0 && (reason ?? acceptedBy) !== undefined) {
    throw new UsageError('--reason and --accepted-by go with --accept');
  }
  return { state, initState, sinceState, accept, reason, acceptedBy };
}

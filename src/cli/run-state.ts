/** The state file on the command line: what earlier runs left, and what a person accepts now. */
import { userInfo } from 'node:os';
import { accept, StateError, type State } from '../core/state.js';
import { formatInstant, type Instant } from '../core/timestamp.js';
import { RunError } from '../sources/ports.js';
import { checkWritable, loadState } from '../sources/state-file.js';
import { UsageError, type Arguments } from './args.js';

/** The state that earlier runs left. */
export async function readState(options: Arguments): Promise<State | undefined> {
  const { state: path, trailArn, initState } = options;
  if (path === undefined) return undefined;
  if (trailArn === undefined) throw new UsageError('--state needs --trail-arn');
  await checkWritable(path);
  const state = await loadState(path, trailArn);
  if (!state && !initState) {
    throw new RunError(`there is no state file ${path}`, '--init-state begins one');
  }
  if (state && initState) {
    throw new RunError(`${path} is there already`, 'leave --init-state out to go on from it');
  }
  return state;
}

/** Records what a person accepts now. */
export function withAccepted(
  state: State | undefined,
  options: Arguments,
  now: Instant,
): State | undefined {
  const { accept: ids, reason, state: path = '' } = options;
  if (!state || ids.length === 0) return state;
  try {
    const by = options.acceptedBy ?? userInfo().username;
    return accept(state, ids, by, formatInstant(now), reason ?? '');
  } catch (error) {
    if (error instanceof StateError) throw new RunError(`${path} ${error.message}`);
    throw error;
  }
}

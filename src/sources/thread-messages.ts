/** What the main thread and one beside it say to each other: plain data, for it is copied. */
import type { LogContent } from '../core/log-file.js';
import type { Direct } from './client-config.js';
import type { Way } from './plain-request.js';
import type { HashedObject } from './ports.js';
import type { SigningCredentials } from './sigv4.js';

/** What a thread is started with. */
export interface ThreadSettings {
  /** How it reaches S3; nothing where it only hashes what it is given. */
  readonly direct?: Direct;
  /** Connections of one thread, at most. */
  readonly sockets: number;
  readonly stallMs: number;
}

/** A log file that a thread shall read and hash. */
export interface Asked {
  readonly id: number;
  /** The number of the way, in order of telling. */
  readonly way: number;
  readonly key: string;
}

export interface Batch {
  readonly asked: readonly Asked[];
  readonly epochMs: number;
  /** Those that the thread wasn't told before. */
  readonly ways: readonly Way[];
  readonly credentials?: SigningCredentials;
}

/** Of a body that is given to a thread in pieces: the next, or that there is none. */
export interface Piece {
  readonly id: number;
  readonly bytes?: Uint8Array;
  /** Whether the body broke off there: nobody wants its hash any more. */
  readonly isBroken?: true;
}

/** What an error keeps on its way to another thread. */
export interface ToldError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly status?: number | undefined;
}

/** Of one log file that was asked: what it holds, or an error; neither where the SDK should ask. */
export interface ToldAnswer {
  readonly id: number;
  readonly hashed?: HashedObject;
  /** Milliseconds until the answer began. */
  readonly answeredMs?: number;
  readonly error?: ToldError;
}

/** Of a body that is given in pieces: that a piece was used, and in the end what it holds. */
export type ToldBody =
  | { readonly body: number; readonly used: number }
  | { readonly body: number; readonly content: LogContent };

export type Told = ToldAnswer | ToldBody;

/** What a request is to IAM, and whether policies allow it: enough of IAM for the policies in docs/. */
import { isSts } from './loopback-sts.js';
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: unknown;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: unknown;
}

const listed = (one: string | readonly string[]): readonly string[] =>
  typeof one === 'string' ? [one] : one;

export const actionsOf = (statements: readonly Statement[]): string[] =>
  statements.flatMap(({ Action }) => listed(Action));

/** `*` and `?` as in IAM; all else as it stands. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .split('*')
    .map((part) => part.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('?', '.'))
    .join('.*');
  return new RegExp(`^${source}$`, 's').test(text);
}

/** The statements without an action. */
export const without = (statements: readonly Statement[], action: string): Statement[] =>
  statements
    .map((one) => ({ ...one, Action: listed(one.Action).filter((name) => name !== action) }))
    .filter(({ Action }) => Action.length > 0);

/** The actions of CloudTrail that can be held to a trail; each of the others needs `*`. */
const OF_A_TRAIL = ['GetTrail', 'GetTrailStatus', 'GetEventSelectors'];

/** S3's operation on a bucket, by what its query has. */
const ON_A_BUCKET = [
  ['versions', 's3:ListBucketVersions'],
  ['versioning', 's3:GetBucketVersioning'],
  ['lifecycle', 's3:GetLifecycleConfiguration'],
  ['location', 's3:GetBucketLocation'],
] as const;

/** The action and the resource that a request needs. */
export function needs(request: IncomingMessage, trailArn: string): [string, string] {
  const target = request.headers['x-amz-target'];
  if (target !== undefined) {
    const name = String(target).replace(/^.*\./, '');
    return [`cloudtrail:${name}`, OF_A_TRAIL.includes(name) ? trailArn : '*'];
  }
  const [path = '', search = ''] = (request.url ?? '/').split('?');
  const query = new URLSearchParams(search);
  const [, bucket = '', ...rest] = path.split('/').map(decodeURIComponent);
  const key = rest.join('/');
  const arn = `arn:aws:s3:::${bucket}`;
  if (key === '') {
    const found = ON_A_BUCKET.find(([name]) => query.has(name));
    if (request.method === 'HEAD' || query.get('list-type') === '2') return ['s3:ListBucket', arn];
    if (request.method === 'GET' && found) return [found[1], arn];
  } else if (request.method === 'GET') {
    return [query.has('versionId') ? 's3:GetObjectVersion' : 's3:GetObject', `${arn}/${key}`];
  }
  throw new Error(`no action is known for ${request.method ?? ''} ${request.url ?? ''}`);
}

const isAllowed = (statements: readonly Statement[], action: string, resource: string): boolean =>
  statements.some(
    (one) =>
      one.Effect === 'Allow' &&
      listed(one.Action).includes(action) &&
      listed(one.Resource).some((pattern) =>
        resource === '*' ? pattern === '*' : matches(pattern, resource),
      ),
  );

/** Refuses whatever policies don't allow, as AWS does, and notes what was asked and what was refused. */
export function enforce(statements: readonly Statement[], trailArn: string) {
  const [asked, refused] = [new Set<string>(), new Set<string>()];
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    // GetCallerIdentity needs no permission.
    if (isSts(request)) return false;
    const [action, resource] = needs(request, trailArn);
    asked.add(action);
    if (isAllowed(statements, action, resource)) return false;
    refused.add(`${action} ${resource}`);
    if (action.startsWith('cloudtrail:')) {
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
      response.end('{"__type":"AccessDeniedException","message":"not authorized"}');
    } else {
      // S3 tells where a bucket lies with a refusal, too.
      response.writeHead(403, {
        'content-type': 'application/xml',
        'x-amz-request-id': 'TESTREQUEST',
        'x-amz-bucket-region': 'us-east-1',
      });
      const error = '<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';
      response.end(request.method === 'HEAD' ? undefined : `<?xml version="1.0"?>${error}`);
    }
    return true;
  };
  return { answer, asked, refused };
}

/** STS, so far as it is asked: who the caller is. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export const CALLER = 'arn:aws:iam::111122223333:user/collector';

/** Whether a request is one of STS's, whose form of the protocol is its own. */
export const isSts = ({ method, url, headers }: IncomingMessage): boolean =>
  method === 'POST' &&
  url === '/' &&
  headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;

export async function answerSts(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const piece of request) body += String(piece);
  if (!body.includes('Action=GetCallerIdentity')) throw new Error(`STS was asked ${body}`);
  const result = `<Arn>${CALLER}</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account>`;
  response
    .writeHead(200, { 'content-type': 'text/xml' })
    .end(
      `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
    );
}

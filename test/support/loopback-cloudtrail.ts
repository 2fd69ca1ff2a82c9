/** The loopback endpoint's CloudTrail. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, fault, signingRegion, type Service } from './loopback-service.js';
import { selectorsOf, statusKey, type PublicKeyEntry, type World } from './world.js';

const DAY = 86_400;

type Input = Readonly<Record<string, unknown>>;

/** An event of the history; a text that is no record still has its place. */
function historyEvent(entry: object | string): { at: number; name: string; event: object } {
  if (typeof entry === 'string') {
    return { at: NaN, name: '', event: { EventId: 'unreadable', CloudTrailEvent: entry } };
  }
  const record = entry as Record<string, unknown>;
  const at = Date.parse(String(record['eventTime'])) / 1000;
  const name = String(record['eventName']);
  return {
    at,
    name,
    event: {
      EventId: record['eventID'],
      EventName: name,
      ReadOnly: String(record['readOnly'] === true),
      EventTime: at,
      EventSource: record['eventSource'],
      Resources: [],
      CloudTrailEvent: JSON.stringify(record),
    },
  };
}

/** Makes the handler of CloudTrail requests for a world. */
export function createCloudTrailService(world: World, { options, count }: Service) {
  const listPublicKeys = (region: string, input: Record<string, unknown>): object => {
    const now = (options().now?.getTime() ?? Date.now()) / 1000;
    const { StartTime: start, EndTime: end } = input as { StartTime?: number; EndTime?: number };
    const from = start ?? end ?? now;
    const to = end ?? now;
    if (from > to) throw fault(400, 'InvalidTimeRangeException');
    const all: PublicKeyEntry[] = (world.keys.get(region) ?? []).filter(
      (key) => key.ValidityStartTime <= to && key.ValidityEndTime >= from,
    );
    const size = options().keyPageSize ?? all.length;
    const at = Number(input['NextToken'] ?? 0);
    const next = at + size < all.length ? { NextToken: String(at + size) } : {};
    return { PublicKeyList: all.slice(at, at + size), ...next };
  };

  const lookupEvents = (region: string, input: Input): object => {
    const { StartTime: start = 0, EndTime: end = Infinity } = input as Record<string, number>;
    if (start > end) throw fault(400, 'InvalidTimeRangeException');
    const [attribute, ...more] = (input['LookupAttributes'] ?? []) as Record<string, string>[];
    if (more.length > 0) throw fault(400, 'InvalidLookupAttributesException');
    // Where the service's clock is set, its history ends 90 days ago.
    const { now } = options();
    const oldest = now ? now.getTime() / 1000 - 90 * DAY : 0;
    const wanted = (world.history?.get(region) ?? [])
      .map(historyEvent)
      .filter(
        ({ at, name }) =>
          Number.isNaN(at) ||
          (at >= Math.max(start, oldest) &&
            at <= end &&
            (attribute?.['AttributeKey'] !== 'EventName' || attribute['AttributeValue'] === name)),
      )
      .sort((a, b) => b.at - a.at || 0);
    const size = Math.min(Number(input['MaxResults'] ?? 50), options().lookupPageSize ?? 50);
    const at = Number(input['NextToken'] ?? 0);
    const next = at + size < wanted.length ? { NextToken: String(at + size) } : {};
    return { Events: wanted.slice(at, at + size).map(({ event }) => event), ...next };
  };

  const answer = (operation: string, region: string, input: Input): object => {
    const matches = (name: unknown) => (trail: World['trails'][number]) =>
      (trail.TrailARN === name || trail.Name === name) &&
      (trail.HomeRegion === region || trail.IsMultiRegionTrail);
    const named = (name: unknown): World['trails'][number] => {
      const trail = world.trails.find(matches(name));
      if (!trail) throw fault(400, 'TrailNotFoundException', `Unknown trail: ${String(name)}`);
      return trail;
    };
    switch (operation) {
      case 'DescribeTrails': {
        const list = input['trailNameList'] as string[] | undefined;
        const visible = world.trails.filter((trail) => matches(trail.TrailARN)(trail));
        return {
          trailList: list
            ? visible.filter((trail) => list.some((name) => matches(name)(trail)))
            : visible,
        };
      }
      case 'GetTrail':
        return { Trail: named(input['Name']) };
      case 'GetTrailStatus': {
        const { TrailARN: arn } = named(input['Name']);
        const status = world.status.get(statusKey(world, arn, region));
        if (!status) throw fault(400, 'TrailNotFoundException');
        return status;
      }
      case 'GetEventSelectors': {
        const trail = named(input['TrailName']);
        if (trail.HomeRegion !== region) throw fault(400, 'InvalidHomeRegionException');
        return selectorsOf(world, trail.TrailARN);
      }
      case 'LookupEvents':
        return lookupEvents(region, input);
      case 'ListPublicKeys':
        return listPublicKeys(region, input);
      case 'DescribeOrganization':
        return { Organization: { Id: world.organizationId } };
      default:
        throw fault(400, 'UnsupportedOperationException', operation);
    }
  };

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = String(request.headers['x-amz-target']);
    const operation = target.slice(target.lastIndexOf('.') + 1);
    const input = JSON.parse((await bodyOf(request)).toString('utf8') || '{}') as Input;
    count(operation);
    const region = signingRegion(request);
    if (options().closedRegions?.includes(region) === true)
      throw fault(400, 'UnrecognizedClientException', 'The security token is invalid.');
    // Before the head is written: a fault is answered in its place.
    const text = JSON.stringify(answer(operation, region, input));
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(text);
  };
}

/** StartLiveTail: events of groups as they are kept, once a second, until the client goes or three hours are over. */
import { randomUUID } from "node:crypto";
import { AwsError } from "../../../protocol/aws-error.ts";
import type {
  CloudWatchLogsOperations,
  LiveTailSessionLogEvent,
  StartLiveTailRequest,
  StartLiveTailResponseStream,
} from "../../../protocol/generated/logs.ts";
import type { OperationTable, RequestContext } from "../../../protocol/service.ts";
import { parseArn } from "../../../resources/arn.ts";
import { sleep } from "../../../util/clock.ts";
import { groupMissing, invalid, limitExceeded } from "../errors.ts";
import type { KeptEvents, LogStore } from "../log-store.ts";
import type { LogFilter } from "../patterns/filter-pattern.ts";
import { groupOfIdentifier } from "../records.ts";
import { filterOf } from "./log-events.ts";
import { requireGroup } from "./lookups.ts";

/** Source: CloudWatch Logs API Reference, "StartLiveTail". */
const updatePeriodMs = 1000;
const mostEventsPerUpdate = 500;
/** An update is one frame of at most 16 MiB, and JSON can make six bytes of one. */
const mostBytesPerUpdate = 2 * 2 ** 20;
const longestSessionMs = 3 * 3600 * 1000;
/** Source: CloudWatch Logs quotas. */
const mostSessions = 15;

export interface LiveTails {
  /** Ends all sessions. */
  close(): void;
}

export function liveTailOperations({ logs }: { logs: LogStore }): {
  readonly operations: OperationTable<CloudWatchLogsOperations>;
  readonly tails: LiveTails;
} {
  const sessions = new Set<AbortController>();
  const operations = {
    StartLiveTail: {
      caveat:
        "SDKs put `stream-` before the host name, which few names of this machine bear: AWS_DISABLE_HOST_PREFIX_INJECTION=true (Python, CLI) or `disableHostPrefix: true` (JavaScript) turns that off",
      async handle(input, context) {
        const { logStreamNames, logStreamNamePrefixes } = input;
        if (logStreamNames !== undefined && logStreamNamePrefixes !== undefined) {
          throw invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.");
        }
        if ((logStreamNames ?? logStreamNamePrefixes) !== undefined && input.logGroupIdentifiers.length > 1) {
          throw invalid("logStreamNames and logStreamNamePrefixes need exactly one log group identifier.");
        }
        const groups = new Set<string>();
        for (const identifier of input.logGroupIdentifiers) {
          const arn = parseArn(identifier);
          const isForeign = arn?.accountId !== context.accountId || arn.region !== context.region;
          if (arn !== undefined && isForeign) throw groupMissing();
          const group = groupOfIdentifier(identifier);
          await requireGroup(logs, context, group);
          groups.add(group);
        }
        const matches = filterOf(input.logEventFilterPattern);
        if (sessions.size >= mostSessions) {
          throw limitExceeded(`There are ${mostSessions} live tail sessions already; end one and try again.`);
        }
        return {
          responseStream: session(input, context, new Gathered(input, context, groups, matches)),
        };
      },
    },
  } satisfies OperationTable<CloudWatchLogsOperations>;
  return {
    operations,
    tails: {
      close() {
        for (const ending of sessions) ending.abort();
      },
    },
  };

  async function* session(
    input: StartLiveTailRequest,
    context: RequestContext,
    gathered: Gathered,
  ): AsyncGenerator<StartLiveTailResponseStream> {
    const { clock, requestId } = context;
    const ending = new AbortController();
    sessions.add(ending);
    const ended = AbortSignal.any([context.signal, ending.signal]);
    const stopListening = logs.listen((kept) => gathered.add(kept));
    const endsAt = clock.now() + longestSessionMs;
    try {
      yield { sessionStart: { requestId, sessionId: randomUUID(), ...input } };
      for (;;) {
        await sleep(clock, updatePeriodMs, ended);
        if (clock.now() >= endsAt)
          throw new AwsError("SessionTimeoutException", "The session has ended after 3 hours.");
        yield { sessionUpdate: gathered.take() };
      }
    } catch (error) {
      if (!ended.aborted) throw error;
    } finally {
      stopListening();
      sessions.delete(ending);
    }
  }
}

/** Events since the last update; of more than 500, or of more than 2 MiB, a sample. */
class Gathered {
  readonly #input: StartLiveTailRequest;
  readonly #context: Pick<RequestContext, "accountId" | "region">;
  readonly #groups: ReadonlySet<string>;
  readonly #matches: LogFilter;
  #events: LiveTailSessionLogEvent[] = [];
  #bytes = 0;
  #seen = 0;

  constructor(
    input: StartLiveTailRequest,
    context: Pick<RequestContext, "accountId" | "region">,
    groups: ReadonlySet<string>,
    matches: LogFilter,
  ) {
    this.#input = input;
    this.#context = context;
    this.#groups = groups;
    this.#matches = matches;
  }

  add({ key, events, ingestionTime }: KeptEvents): void {
    const { accountId, region } = this.#context;
    if (key.accountId !== accountId || key.region !== region || !this.#groups.has(key.group)) return;
    if (!this.#wants(key.stream)) return;
    for (const [timestamp, message] of events) {
      if (!this.#matches(message)) continue;
      this.#seen += 1;
      // Reservoir sampling: every event has the same chance to stay.
      const place =
        this.#events.length < mostEventsPerUpdate ? this.#events.length : Math.floor(Math.random() * this.#seen);
      if (place >= mostEventsPerUpdate) continue;
      const bytes = this.#bytes + Buffer.byteLength(message) - Buffer.byteLength(this.#events[place]?.message ?? "");
      if (bytes > mostBytesPerUpdate) continue;
      this.#bytes = bytes;
      const logGroupIdentifier = `${accountId}:${key.group}`;
      this.#events[place] = { logStreamName: key.stream, logGroupIdentifier, message, timestamp, ingestionTime };
    }
  }

  take(): { sessionMetadata: { sampled: boolean }; sessionResults: LiveTailSessionLogEvent[] } {
    const sampled = this.#seen > this.#events.length;
    const sessionResults = this.#events;
    if (sampled) sessionResults.sort((a, b) => a.timestamp! - b.timestamp!);
    this.#events = [];
    this.#bytes = 0;
    this.#seen = 0;
    return { sessionMetadata: { sampled }, sessionResults };
  }

  #wants(stream: string): boolean {
    const { logStreamNames, logStreamNamePrefixes } = this.#input;
    return (
      (logStreamNames === undefined || logStreamNames.includes(stream)) &&
      (logStreamNamePrefixes === undefined || logStreamNamePrefixes.some((prefix) => stream.startsWith(prefix)))
    );
  }
}

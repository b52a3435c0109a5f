/** A request context for tests of handlers that run without a server: the root user of an account, everything allowed. */
import type { RequestContext } from "../../src/protocol/service.ts";
import { ManualClock } from "../../src/util/clock.ts";

export function requestContext(
  facts: Partial<RequestContext> & { service: string; operation: string },
): RequestContext {
  const accountId = facts.accountId ?? "000000000000";
  return {
    requestId: "request-1",
    accountId,
    region: "us-east-1",
    principal: {
      kind: "root",
      accountId,
      arn: `arn:aws:iam::${accountId}:root`,
      userId: accountId,
      accessKeyId: "AKIAEXAMPLEEXAMPLE12",
    },
    clock: new ManualClock(0),
    signal: new AbortController().signal,
    headers: {},
    baseUrl: "http://127.0.0.1:7243",
    setHeader: () => {},
    authorize: () => Promise.resolve(),
    ...facts,
  };
}

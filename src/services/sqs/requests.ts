/** What the operations of SQS do with their requests before the work itself. */
import { decodePaginationToken, encodePaginationToken } from "../../resources/pagination-token.ts";
import type { BatchResultErrorEntry } from "../../protocol/generated/sqs.ts";
import { AwsError } from "../../protocol/aws-error.ts";
import type { RequestContext } from "../../protocol/service.ts";
import type { WriteOptions } from "../../storage/record-store.ts";
import { invalidParameter, sqsError } from "./errors.ts";

const maxBatch = 10;
const maxPage = 1000;

export function writeOptions({ principal, operation, requestId, clock }: RequestContext): WriteOptions {
  return { actor: { by: principal.arn, call: `sqs:${operation}`, requestId }, at: clock.now() };
}

/** A whole number in its range, or undefined. @throws AwsError InvalidParameterValue */
export function inRange(name: string, value: number | undefined, low: number, high: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw invalidParameter(name, value, `Must be between ${low} and ${high}, if provided.`);
}

/**
 * Runs each entry of a batch; what is wrong with one does not stop the others.
 * @throws AwsError when the batch itself breaks SQS's rules
 */
export async function eachOf<Entry extends { readonly Id: string }, Result>(
  entries: readonly Entry[],
  run: (entry: Entry) => Promise<Result> | Result,
): Promise<{ done: { entry: Entry; result: Result }[]; Failed: BatchResultErrorEntry[] }> {
  checkBatch(entries);
  const done: { entry: Entry; result: Result }[] = [];
  const Failed: BatchResultErrorEntry[] = [];
  for (const entry of entries) {
    try {
      done.push({ entry, result: await run(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      Failed.push({ Id: entry.Id, SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { done, Failed };
}

function checkBatch(entries: readonly { readonly Id: string }[]): void {
  if (entries.length === 0) {
    throw sqsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries.length > maxBatch) {
    throw sqsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${maxBatch}. You have sent ${entries.length}.`,
    );
  }
  const seen = new Set<string>();
  for (const { Id } of entries) {
    if (!/^[\w-]{1,80}$/.test(Id)) {
      throw sqsError(
        "InvalidBatchEntryId",
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
      );
    }
    if (seen.has(Id)) throw sqsError("BatchEntryIdsNotDistinct", `Id ${Id} repeated.`);
    seen.add(Id);
  }
}

/** A page of names: AWS gives tokens only to those who say how long a page is. */
export function pageOf(
  query: unknown,
  { MaxResults, NextToken }: { readonly MaxResults?: number; readonly NextToken?: string },
): { limit: number; nameAfter?: string; next: (name: string | undefined) => { NextToken?: string } } {
  const limit = inRange("MaxResults", MaxResults, 1, maxPage) ?? maxPage;
  const next = (name: string | undefined) =>
    name === undefined || MaxResults === undefined ? {} : { NextToken: encodePaginationToken(query, [name]) };
  if (NextToken === undefined || NextToken === "") return { limit, next };
  try {
    return { limit, next, nameAfter: decodePaginationToken(NextToken, query, ["string"])[0] as string };
  } catch {
    throw invalidParameter("NextToken", NextToken, "Invalid or expired next token.");
  }
}

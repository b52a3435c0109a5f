/** What a topic is told of an event. Source: Amazon S3 User Guide, "Event message structure". */
import type { Bucket } from "../records.ts";
import { bucketArn } from "../arns.ts";
import type { ObjectEvent } from "../events.ts";
import { canonicalUserId } from "../owner.ts";

export const subject = "Amazon S3 Notification";

/** Events that came later than the others have a later version of the structure. */
const laterEvents = /^(LifecycleExpiration|ObjectTagging|ObjectAcl):/;

/**
 * @param sequencer hexadecimal; of two events of one key the greater is the later
 * @returns JSON
 */
export function eventMessage(event: ObjectEvent, configurationId: string, sequencer: string): string {
  const { name, bucket, key, versionId, size, etag, at, actor } = event;
  const record = {
    eventVersion: laterEvents.test(name) ? "2.3" : "2.1",
    eventSource: "aws:s3",
    awsRegion: bucket.region,
    eventTime: new Date(at).toISOString(),
    eventName: name,
    userIdentity: { principalId: principalIdOf(actor.by) },
    // The server listens on the loopback interface alone.
    requestParameters: { sourceIPAddress: "127.0.0.1" },
    responseElements: { "x-amz-request-id": actor.requestId ?? "", "x-amz-id-2": "" },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId,
      bucket: {
        name: bucket.name,
        ownerIdentity: { principalId: canonicalUserId(bucket.accountId) },
        arn: bucketArn(bucket.name),
      },
      object: {
        key: formEncoded(key),
        ...(size === undefined ? {} : { size }),
        ...(etag === undefined ? {} : { eTag: etag }),
        ...(versionId === undefined ? {} : { versionId }),
        sequencer,
      },
    },
  };
  return JSON.stringify({ Records: [record] });
}

/** What a topic is told when it is named in a configuration. */
export function testMessage(bucket: Bucket, at: number, requestId: string): string {
  return JSON.stringify({
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date(at).toISOString(),
    Bucket: bucket.name,
    RequestId: requestId,
    HostId: "",
  });
}

/** `AWS:` and who it was; the platform itself has a name of its own. */
function principalIdOf(by: string): string {
  return by.startsWith("arn:") ? `AWS:${by.slice(by.lastIndexOf(":") + 1)}` : by;
}

/** Keys are encoded as form values: a space is a plus sign, and slashes stay. */
function formEncoded(key: string): string {
  return encodeURIComponent(key)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/")
    .replace(/[!'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

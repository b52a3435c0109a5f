/**
 * Uploads by a form of a browser: POST of multipart/form-data to a bucket.
 *
 * The fields come first and are held to the policy in them; then the file flows where PutObject's body flows.
 * Source: Amazon S3 API Reference, "POST Object".
 */
import type { PutObjectOutput, S3Operations } from "../../../protocol/generated/s3.ts";
import { escapeXml, xmlElement } from "../../../protocol/codec/xml-values.ts";
import type { HttpResponse } from "../../../protocol/http-message.ts";
import { compileRefusals } from "../../../protocol/refusals.ts";
import type { AccessRules, EdgeRequest, OperationDefinition } from "../../../protocol/service.ts";
import { addCorsHeaders } from "../cross-origin.ts";
import { anybody, contextOf } from "../edge-context.ts";
import { invalidArgument, noSuchBucket, s3Error } from "../errors.ts";
import type { ObjectStore } from "../object-store.ts";
import { encodedKey } from "../website/routing.ts";
import { putInputOf } from "./form-input.ts";
import { signerOf } from "./form-signature.ts";
import { boundaryOf, MultipartReader, type FormPart } from "./multipart-reader.ts";
import { heldToLength, parsePostPolicy, requirePolicy, type FormFields } from "./post-policy.ts";

/** Bytes of all fields in front of the file, names and values. */
const maxFieldBytes = 20_000;

export interface PostFormParts {
  readonly objects: ObjectStore;
  readonly put: OperationDefinition<S3Operations["PutObject"]["input"], PutObjectOutput>;
  readonly accesses: AccessRules;
}

export function isPostForm({ method, query, headers }: Pick<EdgeRequest, "method" | "query" | "headers">): boolean {
  return method === "POST" && query === "" && boundaryOf(headers["content-type"]) !== undefined;
}

/** @throws AwsError whatever is wrong with form, policy, signature, permission or file */
export async function postForm(parts: PostFormParts, name: string, request: EdgeRequest): Promise<HttpResponse> {
  const form = new MultipartReader(request.streamBody(), boundaryOf(request.headers["content-type"])!).parts();
  const fields = new Map<string, string>();
  const file = await readFields(form, fields);
  const key = keyOf(fields, file.filename);
  fields.set("key", key);
  fields.set("bucket", name);

  const { lookup, clock } = request;
  const signer = await signerOf(fields, lookup, clock.now());
  const principal = signer ?? anybody;
  const bucket = await parts.objects.bucket(name);
  if (bucket === undefined) throw noSuchBucket(name);
  const encodedPolicy = fields.get("policy");
  const policy = encodedPolicy === undefined ? undefined : parsePostPolicy(encodedPolicy);
  if (policy !== undefined) requirePolicy(policy, fields, clock.now());

  const input = putInputOf(name, key, fields);
  // Headers of the request are of the form and not of the file.
  const context = contextOf(request, { operation: "PostObject", principal, region: bucket.region }, { headers: {} });
  await context.authorize(...(await parts.accesses("PutObject", input as never, context)));
  const refused = compileRefusals(parts.put.refuses).check(input);
  if (refused !== undefined) throw s3Error("NotImplemented", {}, { message: refused });

  const Body = policy?.length === undefined ? file.body : heldToLength(file.body, policy.length);
  const output = await parts.put.handle({ ...input, Body }, context);
  const response = answerTo(fields, { bucket: name, key, etag: output.ETag ?? "" }, request);
  if (output.VersionId !== undefined) response.headers["x-amz-version-id"] = output.VersionId;
  addCorsHeaders(bucket.settings.cors, request, response);
  return response;
}

/** Fields up to the file, which is returned unread. */
async function readFields(form: AsyncGenerator<FormPart>, fields: Map<string, string>): Promise<FormPart> {
  let total = 0;
  for (;;) {
    const { value: part, done } = await form.next();
    if (done === true) {
      throw invalidArgument("file", "0", "POST requires exactly one file upload per request.");
    }
    if (part.name.toLowerCase() === "file") return part;
    const chunks: Uint8Array[] = [];
    total += Buffer.byteLength(part.name);
    for await (const chunk of part.body) {
      total += chunk.length;
      if (total > maxFieldBytes) throw s3Error("MaxPostPreDataLengthExceededError", { MaxSizeAllowed: maxFieldBytes });
      chunks.push(chunk);
    }
    if (total > maxFieldBytes) throw s3Error("MaxPostPreDataLengthExceededError", { MaxSizeAllowed: maxFieldBytes });
    const name = part.name.toLowerCase();
    if (fields.has(name)) throw invalidArgument(part.name, "", "A field of the form is there more than once");
    fields.set(name, Buffer.concat(chunks).toString("utf8"));
  }
}

/** The key with the name of the file in it, where it asks for that. */
function keyOf(fields: FormFields, filename: string | undefined): string {
  const key = fields.get("key");
  if (key === undefined || key === "") {
    throw invalidArgument(
      "key",
      "",
      "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.",
    );
  }
  // Some browsers send the path on their own machine.
  const name = (filename ?? "").split(/[/\\]/).at(-1)!;
  return key.replaceAll("${filename}", () => name);
}

/** What the form wants to see when it is done. */
function answerTo(
  fields: FormFields,
  { bucket, key, etag }: { bucket: string; key: string; etag: string },
  { baseUrl, requestId }: EdgeRequest,
): HttpResponse {
  const location = `${baseUrl}/${bucket}/${encodedKey(key)}`;
  const headers: Record<string, string> = { "x-amz-request-id": requestId, etag, location };
  const redirect = redirectOf(fields.get("success_action_redirect") ?? fields.get("redirect"), { bucket, key, etag });
  if (redirect !== undefined) return { status: 303, headers: { ...headers, location: redirect }, body: undefined };
  const status = fields.get("success_action_status");
  if (status === "200") return { status: 200, headers, body: undefined };
  if (status !== "201") return { status: 204, headers, body: undefined };
  const facts = { Location: location, Bucket: bucket, Key: key, ETag: etag };
  const content = Object.entries(facts).map(([name, value]) => xmlElement(name, escapeXml(value)));
  return {
    status: 201,
    headers: { ...headers, "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n${xmlElement("PostResponse", content.join(""))}`,
  };
}

/** A URL that cannot be read is as good as none, as AWS has it. */
function redirectOf(url: string | undefined, facts: Readonly<Record<string, string>>): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const target = new URL(url);
  if (target.protocol !== "http:" && target.protocol !== "https:") return undefined;
  for (const [name, value] of Object.entries(facts)) target.searchParams.append(name, value);
  return target.href;
}

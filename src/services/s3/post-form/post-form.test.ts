import { createHmac } from "node:crypto";
import { S3Client } from "@aws-sdk/client-s3";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { expect, test } from "vitest";
import { keys, openS3Http, openToAll, type Answered, type S3HttpFixture } from "../../../../tests/support/s3-http.ts";
import { account, bytesOf } from "../../../../tests/support/s3.ts";

const Bucket = "the-bucket";
const boundary = "----form boundary".replace(" ", "-");

async function withBucket(): Promise<S3HttpFixture> {
  const s3 = await openS3Http();
  await s3.call("CreateBucket", { Bucket });
  return s3;
}

type Fields = Readonly<Record<string, string>>;

function formOf(fields: Fields, file: string | undefined, filename = "C:\\photos\\cat.jpg"): string {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const last = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n`;
  return `${parts.join("")}${file === undefined ? "" : last}--${boundary}--\r\n`;
}

function post(s3: S3HttpFixture, body: string, chunk?: number): Promise<Answered> {
  return s3.send({
    method: "POST",
    url: `/${Bucket}`,
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body,
    ...(chunk && { chunk }),
  });
}

function policyOf(conditions: readonly unknown[], expiration = "2026-01-02T00:00:00.000Z"): string {
  return Buffer.from(JSON.stringify({ expiration, conditions })).toString("base64");
}

/** The fields of a form that the bucket's owner has signed with Signature Version 4. */
function signed(
  fields: Fields,
  conditions: readonly unknown[],
  key: (typeof keys)[keyof typeof keys] = keys.owner,
): Fields {
  const credential = `${key.accessKeyId}/20260101/us-east-1/s3/aws4_request`;
  const proof = {
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": credential,
    "x-amz-date": "20260101T000000Z",
  };
  const all = Object.entries(proof).map(([name, value]) => ({ [name]: value }));
  const policy = policyOf([{ bucket: Bucket }, ...conditions, ...all]);
  let secret: Buffer = Buffer.from(`AWS4${key.secretAccessKey}`);
  for (const part of ["20260101", "us-east-1", "s3", "aws4_request"]) {
    secret = createHmac("sha256", secret).update(part).digest();
  }
  const signature = createHmac("sha256", secret).update(policy).digest("hex");
  return { ...fields, ...proof, policy, "X-Amz-Signature": signature };
}

async function textOf(s3: S3HttpFixture, Key: string): Promise<string> {
  const { Body } = await s3.call("GetObject", { Bucket, Key });
  return String(await bytesOf(Body));
}

test.each([1, 7, 64 * 1024])("a signed form uploads its file, arriving %d bytes at a time", async (chunk) => {
  await using s3 = await withBucket();
  const text = `line\r\n--${boundary.slice(0, -1)}\r\n\r\n-- not the end\r\n`.repeat(30);
  const fields = {
    key: "user/${filename}",
    "Content-Type": "image/jpeg",
    "x-amz-meta-Who": "me",
    tagging: "<Tagging><TagSet><Tag><Key>a</Key><Value>x=y</Value></Tag></TagSet></Tagging>",
    "x-ignore-me": "x",
  };
  const conditions = [
    ["starts-with", "$key", "user/"],
    ["starts-with", "$Content-Type", "image/"],
    ["eq", "$x-amz-meta-who", "me"],
    ["starts-with", "$tagging", ""],
    ["content-length-range", 0, 10_000],
  ];
  const answer = await post(s3, formOf(signed(fields, conditions), text), chunk);
  expect(answer.body).toBe("");
  expect(answer.status).toBe(204);
  expect(answer.headers["location"]).toBe(`http://127.0.0.1:7243/${Bucket}/user/cat.jpg`);
  expect(await textOf(s3, "user/cat.jpg")).toBe(text);
  expect(await s3.call("HeadObject", { Bucket, Key: "user/cat.jpg" })).toMatchObject({
    ContentType: "image/jpeg",
    Metadata: { who: "me" },
  });
  expect(await s3.call("GetObjectTagging", { Bucket, Key: "user/cat.jpg" })).toMatchObject({
    TagSet: [{ Key: "a", Value: "x=y" }],
  });
});

test("an empty file is a file", async () => {
  await using s3 = await withBucket();
  expect((await post(s3, formOf(signed({ key: "k" }, [{ key: "k" }]), ""))).status).toBe(204);
  expect(await textOf(s3, "k")).toBe("");
});

test("the form says what it wants to see at the end", async () => {
  await using s3 = await withBucket();
  const send = (fields: Fields) => {
    const allowed = Object.keys(fields).map((name) => ["starts-with", `$${name}`, ""]);
    return post(s3, formOf(signed({ key: "a b", ...fields }, [{ key: "a b" }, ...allowed]), "x"));
  };
  expect(await send({ success_action_status: "200" })).toMatchObject({ status: 200, body: "" });
  const etag = '"9dd4e461268c8034f5c8564e155c67a6"'; // MD5 of "x"
  expect(await send({ success_action_status: "201" })).toMatchObject({
    status: 201,
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<PostResponse><Location>http://127.0.0.1:7243/the-bucket/a%20b</Location><Bucket>the-bucket</Bucket><Key>a b</Key><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag></PostResponse>`,
  });
  expect(await send({ success_action_status: "404" })).toMatchObject({ status: 204 });
  const redirected = await send({ success_action_redirect: "http://example.com/done?x=1" });
  expect(redirected.status).toBe(303);
  expect(Object.fromEntries(new URL(redirected.headers["location"]).searchParams)).toEqual({
    x: "1",
    bucket: Bucket,
    key: "a b",
    etag,
  });
  expect(await send({ success_action_redirect: "javascript:alert(1)" })).toMatchObject({ status: 204 });
});

const own = signed({ key: "k" }, [{ key: "k" }]);

test.each([
  [
    "AccessDenied",
    "Invalid according to Policy: Policy Condition failed: [&quot;eq&quot;,&quot;$key&quot;,&quot;k&quot;]",
    { ...own, key: "other" },
  ],
  ["AccessDenied", "Invalid according to Policy: Extra input fields: acl", { ...own, acl: "private" }],
  ["SignatureDoesNotMatch", "Check your key and signing method", { ...own, "X-Amz-Signature": "0".repeat(64) }],
  ["SignatureDoesNotMatch", "", { ...own, policy: policyOf([]) }],
  ["InvalidAccessKeyId", "", { ...own, "x-amz-credential": "NOBODY/20260101/us-east-1/s3/aws4_request" }],
  ["InvalidArgument", "the Credential is mal-formed", { ...own, "x-amz-credential": "NOBODY" }],
  ["InvalidToken", "", { ...own, "x-amz-security-token": "t" }],
  ["InvalidArgument", "must contain a field named &apos;X-Amz-Signature&apos;", { ...own, "X-Amz-Signature": "" }],
  ["InvalidArgument", "must contain a field named &apos;key&apos;", { policy: "x" }],
  ["InvalidArgument", "must contain a field named &apos;AWSAccessKeyId&apos;", { key: "k", policy: policyOf([]) }],
  ["AccessDenied", "Access Denied", { key: "k" }],
  ["MaxPostPreDataLengthExceededError", "", { key: "k", "x-amz-meta-a": "x".repeat(20_001) }],
] as const)("%s %s", async (code, message, fields) => {
  await using s3 = await withBucket();
  const answer = await post(s3, formOf(fields, "x"));
  expect(answer.body.replaceAll("&#39;", "&apos;").replaceAll("'", "&apos;").replaceAll('"', "&quot;")).toContain(
    `<Code>${code}</Code><Message>`,
  );
  expect(answer.body.replaceAll("'", "&apos;").replaceAll('"', "&quot;")).toContain(message);
  expect(await s3.call("ListObjectsV2", { Bucket })).toMatchObject({ KeyCount: 0 });
  expect(await s3.blobIds()).toEqual([]);
});

test("a form of the JavaScript SDK, filled in as a browser does", async () => {
  await using s3 = await withBucket();
  const client = new S3Client({ region: "us-east-1", credentials: keys.owner, endpoint: "http://s3.localhost:7243" });
  const { url, fields } = await createPresignedPost(client, {
    Bucket,
    Key: "from/${filename}",
    Conditions: [{ acl: "private" }, ["content-length-range", 0, 100]],
    Fields: { acl: "private" },
  });
  const { host, pathname } = new URL(url);
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", new Blob(["by a browser"]), 'the "file".txt');
  const filled = new Response(form);
  const answer = await s3.send({
    method: "POST",
    url: pathname,
    headers: { host, "content-type": filled.headers.get("content-type")! },
    body: Buffer.from(await filled.arrayBuffer()),
  });
  expect(answer).toMatchObject({ status: 204, body: "" });
  expect(await textOf(s3, 'from/the "file".txt')).toBe("by a browser");
});

test("an old policy is refused", async () => {
  await using s3 = await withBucket();
  await s3.clock.advance(24 * 3_600_000);
  expect((await post(s3, formOf(own, "x"))).body).toContain("Invalid according to Policy: Policy expired.");
});

test.each([
  [3, "EntityTooSmall", "<ProposedSize>3</ProposedSize><MinSizeAllowed>4</MinSizeAllowed>"],
  [4, undefined, ""],
  [6, undefined, ""],
  [7, "EntityTooLarge", "<ProposedSize>7</ProposedSize><MaxSizeAllowed>6</MaxSizeAllowed>"],
])("a file of %d bytes where 4 to 6 are wanted: %s", async (size, code, facts) => {
  await using s3 = await withBucket();
  const fields = signed({ key: "k" }, [{ key: "k" }, ["content-length-range", 4, 6]]);
  const answer = await post(s3, formOf(fields, "x".repeat(size)));
  expect(answer.status).toBe(code === undefined ? 204 : 400);
  if (code !== undefined) expect(answer.body).toContain(`<Code>${code}</Code>`);
  expect(answer.body).toContain(facts);
  expect((await s3.blobIds()).length).toBe(code === undefined ? 1 : 0);
});

test("Signature Version 2 counts, too", async () => {
  await using s3 = await withBucket();
  const policy = policyOf([{ bucket: Bucket }, ["starts-with", "$key", ""]]);
  const signature = createHmac("sha1", keys.owner.secretAccessKey).update(policy).digest("base64");
  const fields = { key: "k", AWSAccessKeyId: keys.owner.accessKeyId, policy, signature };
  expect((await post(s3, formOf(fields, "x"))).status).toBe(204);
  expect((await post(s3, formOf({ ...fields, signature: `A${signature}` }, "x"))).status).toBe(403);
});

test("whoever signed it needs the permission, and nobody needs a signature where everybody has it", async () => {
  await using s3 = await withBucket();
  const strangers = signed({ key: "k" }, [{ key: "k" }], keys.stranger);
  expect((await post(s3, formOf(strangers, "x"))).status).toBe(403);
  await openToAll(s3, Bucket, "s3:PutObject");
  expect((await post(s3, formOf({ key: "open" }, "x"))).status).toBe(204);
  expect((await post(s3, formOf({ key: "open", acl: "private" }, "x"))).status).toBe(403);
  expect(await s3.call("GetBucketPolicyStatus", { Bucket })).toEqual({ PolicyStatus: { IsPublic: true } });
  expect((await s3.objects.bucket(Bucket))!.accountId).toBe(account);
});

test.each([
  ["no end", `--${boundary}\r\nContent-Disposition: form-data; name="key"\r\n\r\nk`],
  ["no name", `--${boundary}\r\nContent-Disposition: form-data\r\n\r\nk\r\n--${boundary}--`],
  ["another kind of part", `--${boundary}\r\nContent-Type: text/plain\r\n\r\nk\r\n--${boundary}--`],
  ["endless headers", `--${boundary}\r\nContent-Disposition: ${"x".repeat(20_000)}`],
  [
    "two names",
    `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"\r\n\r\n\r\n--${boundary}--`,
  ],
  ["rubbish behind a boundary", `--${boundary}xx\r\n`],
  ["nothing", ""],
])("a form with %s is malformed", async (_, body) => {
  await using s3 = await withBucket();
  const answer = await post(s3, body);
  expect(answer.status).toBe(400);
  expect(answer.body).toContain("<Code>MalformedPOSTRequest</Code>");
  expect(s3.faults).toEqual([]);
});

test("a form without a file, or with a field twice, is refused", async () => {
  await using s3 = await withBucket();
  expect((await post(s3, formOf(own, undefined))).body).toContain("POST requires exactly one file upload per request.");
  const twice = formOf({ key: "a" }, undefined).replace(`--${boundary}--\r\n`, "") + formOf({ Key: "b" }, "x");
  expect((await post(s3, twice)).body).toContain("A field of the form is there more than once");
});

test("a file that breaks off leaves nothing", async () => {
  await using s3 = await withBucket();
  const whole = formOf(own, "x".repeat(100_000));
  const answer = await post(s3, whole.slice(0, -200));
  expect(answer).toMatchObject({ status: 400 });
  expect(await s3.blobIds()).toEqual([]);
  expect(await s3.temporaryFiles()).toEqual([]);
});

test.each([
  ["Invalid JSON.", "no json"],
  ["Policy missing expiration.", JSON.stringify({ conditions: [] })],
  ["Policy missing conditions.", JSON.stringify({ expiration: "2030-01-01T00:00:00Z" })],
  ["Invalid &apos;expiration&apos; value", JSON.stringify({ expiration: "tomorrow", conditions: [] })],
  ["Invalid Condition", JSON.stringify({ expiration: "2030-01-01T00:00:00Z", conditions: [["matches", "$key", "x"]] })],
  [
    "Invalid Condition",
    JSON.stringify({ expiration: "2030-01-01T00:00:00Z", conditions: [["content-length-range", 1]] }),
  ],
])("the policy is invalid: %s", async (why, text) => {
  await using s3 = await withBucket();
  const policy = Buffer.from(text).toString("base64");
  const signature = createHmac("sha1", keys.owner.secretAccessKey).update(policy).digest("base64");
  const answer = await post(s3, formOf({ key: "k", AWSAccessKeyId: keys.owner.accessKeyId, policy, signature }, "x"));
  expect(answer.body).toContain("<Code>InvalidPolicyDocument</Code>");
  expect(answer.body.replaceAll("'", "&apos;")).toContain(`Invalid Policy: ${why}`);
});

test.each([
  ["Content-Type", "text/html\r\nset-cookie: a=b"],
  ["x-amz-website-redirect-location", "/\r\nset-cookie: a=b"],
  ["x-amz-meta-note", "a\u0000b"],
  ["x-amz-meta-no\nte", "a"],
  ["x-amz-meta-no te", "a"],
])("a field %j of %j would be a header that HTTP does not allow", async (name, value) => {
  await using s3 = await withBucket();
  const fields = { key: "k", [name]: value };
  const conditions = [{ key: "k" }, ["starts-with", `$${name}`, ""]];
  const answer = await post(s3, formOf(signed(fields, conditions), "x"));
  expect(answer.status).toBe(400);
  expect(answer.body).toMatch(/<Code>(InvalidArgument|MalformedPOSTRequest)<\/Code>/);
  expect(await s3.call("ListObjectsV2", { Bucket })).toMatchObject({ KeyCount: 0 });
});

test("a field in the letters of any language is told as it is sent, also by a website", async () => {
  await using s3 = await withBucket();
  const disposition = 'attachment; filename="ファイル.txt"';
  const fields = { key: "k", "Content-Disposition": disposition, "x-amz-meta-name": "é" };
  const conditions = [{ key: "k" }, { "content-disposition": disposition }, ["starts-with", "$x-amz-meta-name", ""]];
  expect((await post(s3, formOf(signed(fields, conditions), "x"))).status).toBe(204);
  await openToAll(s3, Bucket, "s3:GetObject");
  await s3.call("PutBucketWebsite", { Bucket, WebsiteConfiguration: { IndexDocument: { Suffix: "k" } } });
  for (const url of [`/${Bucket}/k`, `/_sagebrush/website/${Bucket}/`]) {
    const { status, headers } = await s3.send({ url });
    expect(status).toBe(200);
    const sent = [headers["content-disposition"], headers["x-amz-meta-name"]];
    expect(sent.map((text) => Buffer.from(text, "latin1").toString())).toEqual([disposition, "é"]);
  }
});

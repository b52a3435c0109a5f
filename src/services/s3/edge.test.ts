import { expect, test } from "vitest";
import { openS3Http, openToAll, type S3HttpFixture } from "../../../tests/support/s3-http.ts";
import { streamOf } from "../../../tests/support/s3.ts";
import type { CORSRule } from "../../protocol/generated/s3.ts";

const Bucket = "the-bucket";

async function withCors(...CORSRules: CORSRule[]): Promise<S3HttpFixture> {
  const s3 = await openS3Http();
  await s3.call("CreateBucket", { Bucket });
  await openToAll(s3, Bucket, "s3:GetObject");
  if (CORSRules.length > 0) await s3.call("PutBucketCors", { Bucket, CORSConfiguration: { CORSRules } });
  return s3;
}

const rule: CORSRule = {
  AllowedMethods: ["GET", "PUT"],
  AllowedOrigins: ["https://*.example.com"],
  AllowedHeaders: ["Content-Type", "x-amz-*"],
  ExposeHeaders: ["ETag"],
  MaxAgeSeconds: 600,
};
const vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

function preflight(s3: S3HttpFixture, headers: Record<string, string>, url = `/${Bucket}/k`) {
  return s3.send({ method: "OPTIONS", url, headers });
}

test("a preflight is told what the first fitting rule lets a page do", async () => {
  await using s3 = await withCors(rule, { AllowedMethods: ["GET", "HEAD"], AllowedOrigins: ["*"] });
  const answer = await preflight(s3, {
    origin: "https://app.example.com",
    "access-control-request-method": "PUT",
    "access-control-request-headers": "content-type, X-Amz-Date",
  });
  expect(answer.status).toBe(200);
  expect(answer.headers).toEqual({
    "access-control-allow-origin": "https://app.example.com",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "content-type, x-amz-date",
    "access-control-expose-headers": "ETag",
    "access-control-max-age": "600",
    "access-control-allow-credentials": "true",
    vary,
  });
  const anyone = await preflight(s3, { origin: "http://else.where", "access-control-request-method": "HEAD" });
  expect(anyone.headers).toEqual({
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD",
    vary,
  });
});

test.each([
  ["another origin", { origin: "https://example.com", "access-control-request-method": "GET" }],
  ["another method", { origin: "https://a.example.com", "access-control-request-method": "DELETE" }],
  [
    "another header",
    {
      origin: "https://a.example.com",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization",
    },
  ],
])("a preflight of %s is forbidden", async (_, headers) => {
  await using s3 = await withCors(rule);
  const answer = await preflight(s3, headers);
  expect(answer.status).toBe(403);
  expect(answer.body).toContain("<Code>AccessForbidden</Code><Message>CORSResponse: This CORS request is not allowed.");
  expect(answer.body).toContain(`<Method>${headers["access-control-request-method"]}</Method><ResourceType>OBJECT<`);
  expect(answer.headers).not.toHaveProperty("access-control-allow-origin");
});

test("a preflight says what it lacks", async () => {
  await using s3 = await withCors();
  const origin = "https://a.example.com";
  expect((await preflight(s3, {})).body).toContain("Insufficient information. Origin request header needed.");
  expect((await preflight(s3, { origin })).body).toContain("Invalid Access-Control-Request-Method: null");
  const get = { origin, "access-control-request-method": "GET" };
  const closed = await preflight(s3, get, `/${Bucket}`);
  expect(closed).toMatchObject({ status: 403 });
  expect(closed.body).toContain("CORSResponse: CORS is not enabled for this bucket.");
  expect(closed.body).toContain("<ResourceType>BUCKET</ResourceType>");
  expect((await preflight(s3, get, "/none/k")).body).toContain("<Code>NoSuchBucket</Code>");
});

test("answers tell pages that they may read them, errors and virtual hosts too", async () => {
  await using s3 = await withCors(rule);
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  const origin = "https://app.example.com";
  const expected = { "access-control-allow-origin": origin, "access-control-expose-headers": "ETag", vary };
  expect(await s3.send({ url: `/${Bucket}/k`, headers: { origin } })).toMatchObject({ status: 200, headers: expected });
  expect(await s3.send({ url: "/k", headers: { origin, host: `${Bucket}.s3.localhost` } })).toMatchObject({
    status: 200,
    headers: expected,
  });
  expect(await s3.send({ url: `/${Bucket}/none`, headers: { origin } })).toMatchObject({
    status: 403,
    headers: expected,
  });
  const other = await s3.send({ url: `/${Bucket}/k`, headers: { origin: "https://evil.example" } });
  expect(other).toMatchObject({ status: 200, headers: { vary } });
  expect(other.headers).not.toHaveProperty("access-control-allow-origin");
  expect((await s3.send({ url: `/${Bucket}/k` })).headers).not.toHaveProperty("vary");
});

test("only who is known may have an answer's headers changed", async () => {
  await using s3 = await withCors();
  await s3.call("PutObject", { Bucket, Key: "k", Body: streamOf("x") });
  expect(await s3.send({ url: `/${Bucket}/k` })).toMatchObject({ status: 200, body: "x" });
  const changed = await s3.send({ url: `/${Bucket}/k?response-content-type=text%2Fhtml` });
  expect(changed.status).toBe(400);
  expect(changed.body).toContain(
    "<Code>InvalidRequest</Code><Message>Request specific response headers cannot be used for anonymous GET requests.",
  );
});

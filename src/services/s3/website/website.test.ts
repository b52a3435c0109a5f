import { expect, test } from "vitest";
import { openS3Http, openToAll, type S3HttpFixture } from "../../../../tests/support/s3-http.ts";
import { streamOf } from "../../../../tests/support/s3.ts";
import type { WebsiteConfiguration } from "../../../protocol/generated/s3.ts";

const Bucket = "site";
const host = "site.s3-website.localhost:7243";

async function withSite(
  website: WebsiteConfiguration,
  objects: Readonly<Record<string, string>> = {},
  actions: readonly string[] = ["s3:GetObject"],
): Promise<S3HttpFixture> {
  const s3 = await openS3Http();
  await s3.call("CreateBucket", { Bucket });
  if (actions.length > 0) await openToAll(s3, Bucket, ...actions);
  await s3.call("PutBucketWebsite", { Bucket, WebsiteConfiguration: website });
  for (const [Key, text] of Object.entries(objects)) {
    await s3.call("PutObject", { Bucket, Key, Body: streamOf(text), ContentType: "text/html" });
  }
  return s3;
}

const index = { IndexDocument: { Suffix: "index.html" } };

test.each(["site.s3-website-us-east-1.amazonaws.com", "site.s3-website.us-east-1.amazonaws.com", host])(
  "the website of %s shows its index document",
  async (name) => {
    await using s3 = await withSite(index, { "index.html": "<h1>hi</h1>", "a b/ü.html": "deep" });
    const root = await s3.send({ url: "/", headers: { host: name } });
    expect(root).toMatchObject({ status: 200, body: "<h1>hi</h1>" });
    expect(root.headers).toMatchObject({
      "content-type": "text/html",
      "content-length": "11",
      "accept-ranges": "bytes",
    });
    expect((await s3.send({ url: "/a%20b/%C3%BC.html?x=1", headers: { host: name } })).body).toBe("deep");
  },
);

test("without a name that resolves there is a path", async () => {
  await using s3 = await withSite(index, { "index.html": "hi", "docs/index.html": "docs" });
  expect((await s3.send({ url: "/_sagebrush/website/site/" })).body).toBe("hi");
  expect((await s3.send({ url: "/_sagebrush/website/site" })).body).toBe("hi");
  expect((await s3.send({ url: "/_sagebrush/website/site/docs/" })).body).toBe("docs");
  expect(await s3.send({ url: "/_sagebrush/website/site/docs" })).toMatchObject({
    status: 302,
    headers: { location: "/_sagebrush/website/site/docs/" },
  });
  expect(await s3.send({ url: "/_sagebrush/website/none/" })).toMatchObject({ status: 404 });
});

test("a folder without its slash is redirected to it", async () => {
  await using s3 = await withSite(index, { "docs/index.html": "docs" });
  expect(await s3.send({ url: "/docs", headers: { host } })).toMatchObject({
    status: 302,
    headers: { location: "/docs/" },
  });
  expect((await s3.send({ url: "/docs/", headers: { host } })).body).toBe("docs");
});

test("who may not list is not told what is missing", async () => {
  await using s3 = await withSite(index, {});
  const closed = await s3.send({ url: "/none.html", headers: { host } });
  expect(closed.status).toBe(403);
  expect(closed.body).toContain("<li>Code: AccessDenied</li>\n<li>Message: Access Denied</li>");
  await openToAll(s3, Bucket, "s3:GetObject", "s3:ListBucket");
  const open = await s3.send({ url: "/<none>.html", headers: { host } });
  expect(open).toMatchObject({ status: 404, headers: { "x-amz-error-code": "NoSuchKey" } });
  expect(open.body).toContain("<title>404 Not Found</title>");
  expect(open.body).toContain("<li>Message: The specified key does not exist.</li>\n<li>Key: &lt;none&gt;.html</li>");
});

test("what is not public is not shown", async () => {
  await using s3 = await withSite(index, { "index.html": "secret" }, []);
  const answer = await s3.send({ url: "/", headers: { host } });
  expect(answer.status).toBe(403);
  expect(answer.body).not.toContain("secret");
});

test("errors have the page that the owner made for them", async () => {
  const website = { ...index, ErrorDocument: { Key: "error.html" } };
  await using s3 = await withSite(website, { "error.html": "sorry" }, ["s3:GetObject", "s3:ListBucket"]);
  expect(await s3.send({ url: "/none", headers: { host, range: "bytes=0-1", "if-match": '"x"' } })).toMatchObject({
    status: 404,
    body: "sorry",
    headers: { "content-type": "text/html" },
  });
  await s3.call("DeleteObject", { Bucket, Key: "error.html" });
  const bare = await s3.send({ url: "/none", headers: { host } });
  expect(bare.status).toBe(404);
  expect(bare.body).toContain("An Error Occurred While Attempting to Retrieve a Custom Error Document");
  expect(bare.body).toContain("<li>Key: error.html</li>");
});

test("HEAD, ranges and conditions are those of objects", async () => {
  await using s3 = await withSite(index, { "k.html": "0123456789" });
  const send = (headers: Record<string, string>, method = "GET") =>
    s3.send({ method, url: "/k.html", headers: { host, ...headers } });
  const { headers } = await send({});
  expect(await send({ range: "bytes=2-4" })).toMatchObject({
    status: 206,
    body: "234",
    headers: { "content-range": "bytes 2-4/10" },
  });
  expect(await send({ "if-none-match": headers["etag"] })).toMatchObject({ status: 304, body: "" });
  expect(await send({ "if-modified-since": "not a date" })).toMatchObject({ status: 200 });
  expect((await send({ "if-match": '"other"' })).status).toBe(412);
  expect((await send({ range: "bytes=10-" })).status).toBe(416);
  expect(await send({}, "HEAD")).toMatchObject({ status: 200, headers: { "content-length": "10" } });
  expect(await send({}, "PUT")).toMatchObject({ status: 405 });
});

test("a website may be nothing but a redirect", async () => {
  await using s3 = await withSite({ RedirectAllRequestsTo: { HostName: "example.com", Protocol: "https" } });
  expect(await s3.send({ url: "/a%20b/c?d=e", headers: { host } })).toMatchObject({
    status: 301,
    headers: { location: "https://example.com/a%20b/c?d=e" },
  });
});

test("routing rules act before objects are looked for, or upon an error", async () => {
  const RoutingRules = [
    { Condition: { KeyPrefixEquals: "old/" }, Redirect: { ReplaceKeyPrefixWith: "new/" } },
    {
      Condition: { HttpErrorCodeReturnedEquals: "404", KeyPrefixEquals: "app/" },
      Redirect: { HostName: "example.com", Protocol: "https" as const, HttpRedirectCode: "307", ReplaceKeyWith: "#!x" },
    },
  ];
  await using s3 = await withSite({ ...index, RoutingRules }, { "app/there": "x", "old/there": "y" }, [
    "s3:GetObject",
    "s3:ListBucket",
  ]);
  const send = (url: string) => s3.send({ url, headers: { host } });
  expect(await send("/old/there")).toMatchObject({ status: 301, headers: { location: `http://${host}/new/there` } });
  expect(await send("/app/there")).toMatchObject({ status: 200 });
  expect(await send("/app/none")).toMatchObject({ status: 307, headers: { location: "https://example.com/%23!x" } });
  expect(await send("/none")).toMatchObject({ status: 404 });
});

test("an object may send its visitors elsewhere", async () => {
  await using s3 = await withSite(index);
  await s3.call("PutObject", { Bucket, Key: "moved", WebsiteRedirectLocation: "/there", Body: streamOf("x") });
  expect(await s3.send({ url: "/moved", headers: { host } })).toMatchObject({
    status: 301,
    headers: { location: "/there" },
    body: "",
  });
});

test("buckets that are no websites, and no buckets, say so as pages", async () => {
  await using s3 = await openS3Http();
  await s3.call("CreateBucket", { Bucket });
  const plain = await s3.send({ url: "/", headers: { host } });
  expect(plain.status).toBe(404);
  expect(plain.body).toContain("<li>Code: NoSuchWebsiteConfiguration</li>");
  const none = await s3.send({ url: "/", headers: { host: "none.s3-website.localhost" } });
  expect(none.body).toContain(
    "<li>Code: NoSuchBucket</li>\n<li>Message: The specified bucket does not exist</li>\n<li>BucketName: none</li>",
  );
  expect((await s3.send({ url: "/%ff", headers: { host } })).status).toBe(404);
  expect(s3.faults).toEqual([]);
});

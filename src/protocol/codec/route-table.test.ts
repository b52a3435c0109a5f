import { expect, test } from "vitest";
import { loadServiceModel } from "../service-models.ts";
import { createCodec } from "./index.ts";
import { PathTemplate, splitPath } from "./route-table.ts";

function resolver(description: string, protocol: "rest-json" | "rest-xml") {
  const codec = createCodec(loadServiceModel(description), protocol);
  return (method: string, target: string, headers: Record<string, string> = {}) => {
    const [path, query = ""] = target.split("?");
    return codec.resolveOperation({ method, path, query, headers })?.name;
  };
}

test.each<[string, string, string | undefined, Record<string, string>?]>([
  ["GET", "/", "ListBuckets"],
  ["GET", "/?x-id=ListDirectoryBuckets", "ListDirectoryBuckets"],
  ["PUT", "/b", "CreateBucket"],
  ["PUT", "/b/", "CreateBucket"],
  ["HEAD", "/b", "HeadBucket"],
  ["GET", "/b", "ListObjects"],
  ["GET", "/b/", "ListObjects"],
  ["GET", "/b?list-type=1", "ListObjects"],
  ["GET", "/b?list-type=2&prefix=a", "ListObjectsV2"],
  ["GET", "/b?location", "GetBucketLocation"],
  ["GET", "/b?location=", "GetBucketLocation"],
  ["GET", "/b?lifecycle", "GetBucketLifecycleConfiguration"],
  ["GET", "/b?notification", "GetBucketNotificationConfiguration"],
  ["GET", "/b?inventory", "ListBucketInventoryConfigurations"],
  ["GET", "/b?inventory&id=x", "GetBucketInventoryConfiguration"],
  ["GET", "/b/k", "GetObject"],
  ["GET", "/b/k?versionId=v", "GetObject"],
  ["GET", "/b/k?acl", "GetObjectAcl"],
  ["GET", "/b/k?uploadId=u", "ListParts"],
  ["GET", "/b?uploads", "ListMultipartUploads"],
  ["GET", "/b/k?attributes", "GetObjectAttributes"],
  ["PUT", "/b/k", "PutObject"],
  ["PUT", "/b/k", "CopyObject", { "x-amz-copy-source": "a/b" }],
  ["PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"],
  ["PUT", "/b/k?partNumber=1&uploadId=u", "UploadPartCopy", { "x-amz-copy-source": "a/b" }],
  ["PUT", "/b/k?X-Amz-Signature=s&X-Amz-Date=d", "PutObject"],
  ["POST", "/b/k?uploads", "CreateMultipartUpload"],
  ["POST", "/b/k?uploadId=u", "CompleteMultipartUpload"],
  ["POST", "/b/k?select&select-type=2", "SelectObjectContent"],
  ["POST", "/b?delete", "DeleteObjects"],
  ["DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"],
  ["DELETE", "/b/k", "DeleteObject"],
  // A form upload from a browser has no operation, nor has a method that S3 does not know.
  ["POST", "/b", undefined],
  ["PATCH", "/b/k", undefined],
  ["OPTIONS", "/b/k", undefined],
])("S3: %s %s is %s", (method, target, operation, headers) => {
  expect(resolver("s3", "rest-xml")(method, target, headers)).toBe(operation);
});

test("a literal path goes before a label, and a required parameter that is missing is for validation to report", () => {
  const runtime = resolver("sagemaker-runtime", "rest-json");
  expect(runtime("POST", "/endpoints/e/invocations")).toBe("InvokeEndpoint");
  expect(runtime("POST", "/endpoints/e/async-invocations")).toBe("InvokeEndpointAsync");
  expect(runtime("POST", "/endpoints//invocations")).toBeUndefined();
  expect(runtime("POST", "/endpoints/a/b/invocations")).toBeUndefined();
  expect(runtime("GET", "/endpoints/e/invocations")).toBeUndefined();
  const lambda = resolver("lambda", "rest-json");
  expect(lambda("DELETE", "/2017-03-31/tags/arn:aws:lambda:us-east-1:000000000000:function:f")).toBe("UntagResource");
});

test("a query that is not percent-encoded is refused", () => {
  expect(() => resolver("s3", "rest-xml")("GET", "/b?prefix=%zz")).toThrow(
    expect.objectContaining({ code: "MalformedInput", status: 400 }),
  );
});

test("a greedy label takes what the others leave", () => {
  const match = (template: string, path: string) => {
    const labels = new PathTemplate(template).match(splitPath(path));
    return labels === undefined ? undefined : Object.fromEntries(labels);
  };
  expect(match("/{Bucket}/{Key+}", "/b/a/b/c")).toEqual({ Bucket: "b", Key: "a/b/c" });
  expect(match("/a/{Path+}/end", "/a/x/y/end")).toEqual({ Path: "x/y" });
  expect(match("/a/{Path+}/end", "/a/end")).toBeUndefined();
  expect(match("/a/{B}/c", "/a/b/c")).toEqual({ B: "b" });
  expect(match("/a/{B}/c", "/a/b/d")).toBeUndefined();
});

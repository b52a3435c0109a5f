import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { loadServiceModel } from "../service-models.ts";
import { createCodec } from "./index.ts";
import { readXml, type XmlElement } from "./xml-reader.ts";
import { escapeXml } from "./xml-values.ts";

/** Elements as nested arrays: [name, text, ...children]. */
const outline = ({ name, text, children }: XmlElement): unknown[] => [name, text, ...children.map(outline)];

test.each<[string, unknown[]]>([
  ["<a>x &amp; &lt;&gt;&quot;&apos; &#65;&#x42;&#x1F639;</a>", ["a", "x & <>\"' AB😹"]],
  ["<a>1<![CDATA[<&amp;]]>2</a>", ["a", "1<&amp;2"]],
  ["<a> \n b\t</a>", ["a", " \n b\t"]],
  ["<a>x\r\ny\rz&#13;</a>", ["a", "x\ny\nz\r"]],
  ["<a>1<!-- no --->2</a>".replace("--->", "-->"), ["a", "12"]],
  ["<?xml version='1.0'?>\n<!-- c -->\n<a/>\n<!-- d -->", ["a", ""]],
  ["\ufeff<a><b/><b>1</b></a >", ["a", "", ["b", ""], ["b", "1"]]],
  ["<s3:a xmlns:s3='u'><s3:b>1</s3:b></s3:a>", ["a", "", ["b", "1"]]],
  ["<a><__proto__>1</__proto__><constructor/></a>", ["a", "", ["__proto__", "1"], ["constructor", ""]]],
  ["<한글>값</한글>", ["한글", "값"]],
  ["<a>&amp;amp;</a>", ["a", "&amp;"]],
])("%j reads exactly", (source, expected) => {
  expect(outline(readXml(source))).toEqual(expected);
});

test("attributes keep their names, references and spaces", () => {
  const { attributes } = readXml("<a xsi:type='X' b = \"1 &lt; 2\" c='line\nend&#10;'/>");
  expect([...attributes!]).toEqual([
    ["xsi:type", "X"],
    ["b", "1 < 2"],
    ["c", "line end\n"],
  ]);
});

test.each([
  ["", "a root element is expected"],
  ["text", "a root element is expected"],
  ["<a>", "the element a is not closed"],
  ["<a><b></a>", "the end tag of b is expected, at character 6"],
  ["<a></ab>", "the end tag of a is expected"],
  ["<a/><b/>", "the document goes on after its root element"],
  ["<a></a>x", "the document goes on"],
  ["<a b/>", "the attribute b has no value"],
  ["<a b=1/>", "the value of the attribute b is not quoted"],
  ["<a b='1' b='2'/>", "the attribute b is repeated"],
  ["<a b='1'c='2'/>", "the tag a is not well formed"],
  ["<a b='<'/>", 'holds a "<"'],
  ["<a b='1/>", "does not end"],
  ["<1/>", "a name is expected"],
  ["< a/>", "a name is expected"],
  ["<a>1 < 2</a>", "a name is expected"],
  ["<a>&foo;</a>", 'the reference "&foo;" is unknown, at character 3'],
  ["<a>&constructor;</a>", "is unknown"],
  ["<a>&amp</a>", 'the reference "&amp" is unknown'],
  ["<a>&#0;</a>", "is unknown"],
  ["<a>&#xD800;</a>", "is unknown"],
  ["<a>&#1114112;</a>", "is unknown"],
  ["<a>]]></a>", 'text holds "]]>"'],
  ["<a><![CDATA[x</a>", '"<![CDATA[" has no "]]>"'],
  ["<a><!-- x</a>", '"<!--" has no "-->"'],
  ["<a><!-- x -- y --></a>", 'a comment holds "--"'],
  ["<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "DOCTYPE is not allowed"],
  ["<!doctype html><a/>", "DOCTYPE is not allowed"],
  ["<a><!DOCTYPE b></a>", "DOCTYPE is not allowed"],
  ["<a><!ELEMENT b></a>", "markup of an unknown kind"],
])("%j is refused", (source, message) => {
  expect(() => readXml(source)).toThrow(message);
});

test("nesting is limited, and long runs of anything end in time", () => {
  const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);
  expect(() => readXml(nested(100))).not.toThrow();
  expect(() => readXml(nested(101))).toThrow("nested deeper than 100 levels");
  for (const bomb of [
    "<".repeat(300_000),
    "<a ".repeat(100_000),
    "<a>" + "&".repeat(300_000),
    "<a" + " ".repeat(300_000),
    "<a>" + "]]".repeat(200_000),
    "<a>" + "<!--".repeat(100_000),
  ]) {
    expect(() => readXml(bomb)).toThrow("The XML is not well formed");
  }
});

test("what is escaped reads back exactly", () => {
  const text = "a & <b> \"c\" 'd' \r\n\t \u0001\u001f \u0085\u2028 ]]> 😹";
  expect(readXml(`<a>${escapeXml(text)}</a>`).text).toBe(text);
  expect(readXml(`<a b="${escapeXml(text.replace(/[\n\t]/g, ""))}"/>`).attributes!.get("b")).toBe(
    text.replace(/[\n\t]/g, ""),
  );
});

const s3 = loadServiceModel("s3");
const codec = createCodec(s3, "rest-xml");
const ids = { requestId: "id-1", hostId: "host-1" };
const request = (method: string, target: string, body = "", headers: Record<string, string> = {}) => {
  const [path, query = ""] = target.split("?");
  return { method, path, query, headers, body: Buffer.from(body) };
};
const decode = (method: string, target: string, body = "", headers = {}) => {
  const message = request(method, target, body, headers);
  return codec.decode(codec.resolveOperation(message)!, message);
};

test("S3 writes lists with its own root, namespace and timestamps", () => {
  const output = {
    Name: "b",
    Contents: [{ Key: "a&b", LastModified: new Date(1_700_000_000_123), Size: 0 }],
    CommonPrefixes: [{ Prefix: "p/" }, { Prefix: "q/" }],
    IsTruncated: false,
  };
  const response = codec.encode(s3.operation("ListObjectsV2")!, output, ids);
  expect(response.headers).toEqual({
    "content-type": "application/xml",
    "x-amz-request-id": "id-1",
    "x-amz-id-2": "host-1",
  });
  expect(response.body).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated>' +
      "<Contents><Key>a&amp;b</Key><LastModified>2023-11-14T22:13:20.000Z</LastModified><Size>0</Size></Contents><Name>b</Name>" +
      "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>q/</Prefix></CommonPrefixes></ListBucketResult>",
  );
});

test("S3 writes the location of a bucket without a wrapper, empty for us-east-1", () => {
  const body = (output: Record<string, unknown>) => codec.encode(s3.operation("GetBucketLocation")!, output, ids).body;
  expect(body({ LocationConstraint: "eu-west-1" })).toContain(
    '\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>',
  );
  expect(body({})).toContain('\n<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>');
});

test("S3 writes errors without a wrapper, with further facts and both ids", () => {
  const error = new AwsError("NoSuchKey", "The specified key does not exist.", {
    status: 404,
    members: { Key: "a<b" },
    headers: { "x-amz-delete-marker": "true" },
  });
  const response = codec.encodeError(s3.operation("GetObject"), error, ids);
  expect([response.status, response.headers["x-amz-delete-marker"], response.headers["content-type"]]).toEqual([
    404,
    "true",
    "application/xml",
  ]);
  expect(response.body).toBe(
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&lt;b</Key><RequestId>id-1</RequestId><HostId>host-1</HostId></Error>',
  );
  expect(codec.encodeError(s3.operation("HeadObject"), error, ids).body).toBeUndefined();
  expect(
    codec.encodeError(undefined, new AwsError("InvalidURI", "Couldn't parse the specified URI."), { requestId: "id" })
      .body,
  ).toContain("<RequestId>id</RequestId></Error>");
});

test("S3 answers XML that is malformed or of the wrong type with MalformedXML, saying where", () => {
  const broken = expect.objectContaining({ code: "MalformedXML", status: 400 }) as Error;
  expect(() => decode("POST", "/b?delete", "<Delete><Object>")).toThrow(broken);
  expect(() =>
    decode("POST", "/b?delete", "<Delete><Object><Key>k</Key></Object><Quiet>maybe</Quiet></Delete>"),
  ).toThrow("\"maybe\" is neither true nor false at 'Quiet'");
  expect(() =>
    decode(
      "POST",
      "/b/k?uploadId=u",
      "<CompleteMultipartUpload><Part><PartNumber>one</PartNumber></Part></CompleteMultipartUpload>",
    ),
  ).toThrow("\"one\" is not an integer at 'Part.PartNumber'");
  expect(() => decode("PUT", "/b?tagging", "<Tagging><TagSet><Tag><Key><b/></Key></Tag></TagSet></Tagging>")).toThrow(
    "The element b is not expected at 'TagSet[0].Key'",
  );
});

test("parameters, paths and headers of the wrong type are malformed input, saying where", () => {
  expect(() => decode("GET", "/b?list-type=2&max-keys=ten")).toThrow(
    expect.objectContaining({ code: "MalformedInput", message: "\"ten\" is not an integer at 'MaxKeys'" }),
  );
  expect(() => decode("GET", "/b/k%zz")).toThrow(
    expect.objectContaining({ code: "MalformedInput", message: '"k%zz" is not percent-encoded UTF-8' }),
  );
  expect(() => decode("GET", "/b/k", "", { "if-modified-since": "soon" })).toThrow(
    "\"soon\" is not a date such as Sun, 25 Jan 2015 08:00:00 GMT at 'IfModifiedSince'",
  );
});

test("keys keep every character of the path", () => {
  expect(decode("GET", "/b/a%20b+c%2Fd//e")).toEqual({ Bucket: "b", Key: "a b+c/d//e" });
  expect(decode("GET", "/b//")).toEqual({ Bucket: "b", Key: "/" });
  expect(decode("GET", "/b/?list-type=2&prefix=a+b%2B")).toEqual({ Bucket: "b", Prefix: "a b+" });
});

test("a body is a stream for operations that stream, even when it came whole", async () => {
  const { Body } = decode("PUT", "/b/k", "hello") as { Body: AsyncIterable<Uint8Array> };
  const chunks: Uint8Array[] = [];
  for await (const chunk of Body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe("hello");
  const streamed = { ...request("POST", "/b?delete"), body: Body };
  expect(() => codec.decode(s3.operation("DeleteObjects")!, streamed)).toThrow(
    "DeleteObjects does not stream its input: collect the body before decoding it",
  );
});

test("a streaming output passes through untouched", () => {
  async function* content() {
    yield Buffer.from("x");
  }
  const Body = content();
  const response = codec.encode(s3.operation("GetObject")!, { Body, ContentLength: 1, Metadata: { A: "1" } }, ids);
  expect(response.body).toBe(Body);
  expect(response.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "content-length": "1",
    "x-amz-meta-a": "1",
  });
});

import { expect, test } from "vitest";
import { AwsError } from "../aws-error.ts";
import { loadServiceModel } from "../service-models.ts";
import { createCodec } from "./index.ts";

const iam = loadServiceModel("iam");
const codec = createCodec(iam, "query");
const ids = { requestId: "id-1" };
const post = (form: string) => ({ method: "POST", path: "/", query: "", headers: {}, body: Buffer.from(form) });
const decode = (form: string) => {
  const request = post(form);
  return codec.decode(codec.resolveOperation(request)!, request);
};

test("the action is in the form or in the query", () => {
  expect(codec.resolveOperation(post("Action=GetRole&Version=2010-05-08"))?.name).toBe("GetRole");
  expect(
    codec.resolveOperation({ method: "GET", path: "/", query: "Action=GetRole&RoleName=r", headers: {} })?.name,
  ).toBe("GetRole");
  expect(codec.resolveOperation(post("Action=Fly"))).toBeUndefined();
  expect(codec.resolveOperation(post("Version=2010-05-08"))).toBeUndefined();
  const request = {
    method: "GET",
    path: "/",
    query: "Action=GetRole&RoleName=r",
    headers: {},
    body: new Uint8Array(0),
  };
  expect(codec.decode(iam.operation("GetRole")!, request)).toEqual({ RoleName: "r" });
});

test("lists, structures, numbers and escapes of a form are decoded", () => {
  expect(
    decode(
      "Action=CreateRole&RoleName=r&MaxSessionDuration=3600&Description=a+b%2B%26&Tags.member.2.Key=b&Tags.member.2.Value=&Tags.member.10.Key=c&Tags.member.1.Key=a",
    ),
  ).toEqual({
    RoleName: "r",
    MaxSessionDuration: 3600,
    Description: "a b+&",
    Tags: [{ Key: "a" }, { Key: "b", Value: "" }, { Key: "c" }],
  });
  expect(decode("Action=CreateRole&Tags=")).toEqual({ Tags: [] });
});

test.each([
  ["Action=CreateRole&MaxSessionDuration=long", "\"long\" is not an integer at 'MaxSessionDuration'"],
  ["Action=CreateRole&Tags.member.first.Key=a", "\"first\" is not the number of a list element at 'Tags'"],
  ["Action=CreateRole&RoleName=%zz", '"%zz" is not percent-encoded UTF-8'],
  [`Action=CreateRole&${"a.".repeat(200)}a=1`, "A parameter name has more than 100 parts"],
  [`Action=CreateRole${"&a=1".repeat(50_000)}`, "The request has more than 50000 parameters"],
])("the malformed form %.60s is refused", (form, message) => {
  expect(() => decode(form)).toThrow(expect.objectContaining({ code: "MalformedInput", status: 400, message }));
});

test("names such as __proto__ do no harm", () => {
  expect(decode("Action=GetRole&__proto__.RoleName=x&constructor.prototype.y=1&RoleName=r")).toEqual({ RoleName: "r" });
});

test("the result is wrapped, with the request id beside it", () => {
  const response = codec.encode(
    iam.operation("GetRole")!,
    { Role: { RoleName: "r", CreateDate: new Date(1422172800000) } },
    ids,
  );
  expect(response.headers).toEqual({ "content-type": "text/xml", "x-amzn-requestid": "id-1" });
  expect(response.body).toBe(
    '<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult><Role><RoleName>r</RoleName><CreateDate>2015-01-25T08:00:00Z</CreateDate></Role></GetRoleResult>' +
      "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></GetRoleResponse>",
  );
  expect(codec.encode(iam.operation("DeleteRole")!, undefined, ids).body).toBe(
    '<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DeleteRoleResponse>',
  );
});

test("an error has the code of the wire, the fault and the modelled status", () => {
  const byName = codec.encodeError(
    iam.operation("GetRole"),
    new AwsError("NoSuchEntityException", "The role with name r cannot be found."),
    ids,
  );
  expect(byName.status).toBe(404);
  expect(byName.body).toContain(
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>The role with name r cannot be found.</Message></Error><RequestId>id-1</RequestId></ErrorResponse>',
  );
  expect(codec.encodeError(undefined, new AwsError("NoSuchEntity", "…"), ids).status).toBe(404);
  const unmodelled = codec.encodeError(undefined, new AwsError("InternalFailure", "…", { status: 500 }), ids);
  expect([unmodelled.status, unmodelled.body]).toEqual([
    500,
    expect.stringContaining("<Type>Receiver</Type><Code>InternalFailure</Code>"),
  ]);
});

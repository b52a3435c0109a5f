import { expect, test } from "vitest";
import { authConditions, type AuthCondition, authError, errorStyleOf } from "./auth-errors.ts";

const names = Object.keys(authConditions) as AuthCondition[];

const styles = ["s3", "json", "rest-json", "query"] as const;

test.each(names.flatMap((name) => styles.map((style) => [name, style] as const)))(
  "%s has a code, a status of 4xx and a message in the style of %s",
  (name, style) => {
    const error = authError(style, name);
    expect(error.code).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(500);
    expect(error.message).not.toBe("");
    expect(error.message).not.toMatch(/[{}]/);
  },
);

test("codes of JSON services end in Exception, those of the others do not", () => {
  for (const name of names) {
    expect(authError("json", name).code).toMatch(/Exception$/);
    expect(authError("query", name).code).not.toMatch(/Exception$/);
    expect(authError("s3", name).code).not.toMatch(/Exception$/);
  }
});

test("services that speak REST and JSON answer 403 with the codes of JSON services", () => {
  expect(authError("rest-json", "unknownKey")).toMatchObject({ code: "UnrecognizedClientException", status: 403 });
  expect(errorStyleOf("rest-json")).toBe("rest-json");
  expect(errorStyleOf("smithy-rpc-v2-cbor")).toBe("json");
  expect(errorStyleOf("rest-xml")).toBe("s3");
  expect(errorStyleOf("query")).toBe("query");
});

test("what a client sent is never taken for a fact to fill in, nor ends up in another one", () => {
  const error = authError("json", "malformedCredential", { credential: "{digest}$&", digest: "no" });
  expect(error.message).toMatch(/got '\{digest\}\$&'$/);
});

/**
 * AWS's published Signature Version 4 test suite, read from the shared folder when it is there.
 * All of it applies to a server; get-header-value-multiline cannot arrive over node:http, which refuses folded headers,
 * but its canonical form is checked all the same.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../util/clock.ts";
import { canonicalRequest } from "./canonical-request.ts";
import type { RequestHead } from "./credential.ts";
import { deriveSigningKey } from "./signing-key.ts";
import { verifyRequest } from "./verify-request.ts";

const folder = resolve(import.meta.dirname, "../../../../shared/vectors/sigv4");
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const scope = "20150830/us-east-1/service/aws4_request";

function vectorFolders(path: string): string[] {
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { withFileTypes: true });
  if (entries.some(({ name }) => name.endsWith(".creq"))) return [path];
  return entries.filter((entry) => entry.isDirectory()).flatMap((entry) => vectorFolders(join(path, entry.name)));
}

const vectors = vectorFolders(folder).map((path) => {
  const name = basename(path);
  const file = (extension: string) => readFileSync(join(path, `${name}.${extension}`), "utf8").replaceAll("\r\n", "\n");
  return { name, file };
});

/** A request as node:http would hand it over, with its body. */
function parseRequest(text: string): { head: RequestHead; body: string } {
  const [top, body = ""] = text.split(/\n\n/, 2);
  const lines = top.replace(/\n[ \t]+/g, "\n ").split("\n");
  const [, method, target] = /^(\S+) (.*) HTTP\/1\.1$/.exec(lines[0])!;
  const headers: Record<string, string> = {};
  let last = "";
  for (const line of lines.slice(1)) {
    if (line.startsWith(" ")) {
      headers[last] += `\n${line}`;
      continue;
    }
    const colon = line.indexOf(":");
    last = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[last] = headers[last] === undefined ? value : `${headers[last]}, ${value}`;
  }
  const [path, query = ""] = target.split("?", 2);
  return { head: { method, path, query, headers }, body };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("AWS's Signature Version 4 test suite", () => {
  test.skipIf(!existsSync(folder))("is there in full", () => {
    expect(vectors.length).toBe(34);
  });

  test.skipIf(!existsSync(folder)).each(vectors)("$name", async ({ file }) => {
    const authorization = file("authz").trim();
    // Two of the suite's signed requests are given with the token that is added after signing.
    const { head, body } = parseRequest(file("sreq"));
    const signed: RequestHead = { ...head, headers: { ...head.headers, authorization } };

    const signedHeaders = /SignedHeaders=([^,]+)/.exec(authorization)![1];
    const options = { signedHeaders, payloadHash: sha256(body), literalPath: false, joinRepeatedHeaders: true };
    const canonical = canonicalRequest(head, options);
    expect(canonical).toBe(file("creq"));

    const stringToSign = `AWS4-HMAC-SHA256\n20150830T123600Z\n${scope}\n${sha256(canonical)}`;
    expect(stringToSign).toBe(file("sts"));
    const signature = deriveSigningKey(secretAccessKey, "20150830", "us-east-1", "service").sign(stringToSign);
    expect(authorization).toBe(
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
    );

    const sessionToken = head.headers["x-amz-security-token"];
    const principal = { kind: "root", accountId: "000000000000", arn: "", userId: "", accessKeyId: "" } as const;
    const verified = await verifyRequest(signed, {
      protocol: "json",
      service: "service",
      clock: new ManualClock(Date.UTC(2015, 7, 30, 12, 36)),
      bodySha256: async () => sha256(body),
      lookup: (accessKeyId) => ({
        accessKeyId,
        secretAccessKey,
        principal,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      }),
    });
    expect(verified).toMatchObject({ region: "us-east-1", service: "service", payload: { kind: "checked" } });
    expect(verified.credential.accessKeyId).toBe("AKIDEXAMPLE");
  });
});

/**
 * What happens to a signature that is used again. AWS accepts it while it is valid: a signature says who asks for what
 * and when, not how often, and clients repeat requests after a lost answer with the same signature.
 */
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { ManualClock } from "../../util/clock.ts";
import { verifyRequest } from "./verify-request.ts";

const secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const body = "{}";
const minute = 60_000;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

function signed() {
  const scope = "20260102/us-east-1/sagemaker/aws4_request";
  const headers = { host: "127.0.0.1:7243", "x-amz-date": "20260102T030405Z" };
  const canonical = `POST\n/\n\nhost:${headers.host}\nx-amz-date:${headers["x-amz-date"]}\n\nhost;x-amz-date\n${sha256(body)}`;
  let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
  const stringToSign = `AWS4-HMAC-SHA256\n20260102T030405Z\n${scope}\n${sha256(canonical)}`;
  const signature = createHmac("sha256", key).update(stringToSign).digest("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/${scope}, SignedHeaders=host;x-amz-date, Signature=${signature}`;
  return { method: "POST", path: "/", query: "", headers: { ...headers, authorization } };
}

test("the same signature is accepted again within 15 minutes and refused after", async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5));
  const head = signed();
  const principal = { kind: "root", accountId: "", arn: "", userId: "", accessKeyId: "AKIDEXAMPLE" } as const;
  const send = () =>
    verifyRequest(head, {
      clock,
      bodySha256: async () => sha256(body),
      lookup: (accessKeyId) => ({ accessKeyId, secretAccessKey, principal }),
    });

  await expect(send()).resolves.toMatchObject({ service: "sagemaker" });
  await expect(send()).resolves.toMatchObject({ service: "sagemaker" });
  await clock.advance(15 * minute);
  await expect(send()).resolves.toMatchObject({ service: "sagemaker" });
  await clock.advance(1000);
  await expect(send()).rejects.toMatchObject({
    code: "InvalidSignatureException",
    message: expect.stringMatching(/^Signature expired: /),
  });
});

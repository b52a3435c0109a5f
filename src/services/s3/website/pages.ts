/** The pages that a website shows for errors, as AWS words them. */
import { STATUS_CODES } from "node:http";
import type { AwsError } from "../../../protocol/aws-error.ts";
import type { HttpResponse } from "../../../protocol/http-message.ts";

/** @param afterwards the error of the page that the owner wanted shown instead */
export function errorPage(error: AwsError, requestId: string, afterwards?: AwsError): HttpResponse {
  const title = `${error.status} ${STATUS_CODES[error.status] ?? "Error"}`;
  const ids = [["RequestId", requestId]] as const;
  const second =
    afterwards === undefined
      ? ""
      : `<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n${list(factsOf(afterwards))}`;
  const body = `<html>
<head><title>${escaped(title)}</title></head>
<body>
<h1>${escaped(title)}</h1>
${list([...factsOf(error), ...ids])}${second}<hr/>
</body>
</html>
`;
  return {
    status: error.status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "x-amz-request-id": requestId,
      "x-amz-error-code": error.code,
      "x-amz-error-message": error.message,
    },
    body,
  };
}

function factsOf({ code, message, members }: AwsError): (readonly [name: string, value: string])[] {
  const facts = Object.entries(members).map(([name, value]) => [name, String(value)] as const);
  return [["Code", code], ["Message", message], ...facts];
}

function list(facts: readonly (readonly [name: string, value: string])[]): string {
  return `<ul>\n${facts.map(([name, value]) => `<li>${escaped(name)}: ${escaped(value)}</li>\n`).join("")}</ul>\n`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** Bucket policies as they are set. */
import { parsePolicyDocument, type PolicyDocument, PolicySyntaxError } from "../../../authorization/index.ts";
import { s3Error } from "../errors.ts";

/** UTF-8 bytes */
const maxPolicyBytes = 20 * 1024;

/**
 * @returns the text as it is kept
 * @throws AwsError MalformedPolicy with the place of the mistake
 */
export function checkedPolicy(text: string, bucket: string): string {
  if (Buffer.byteLength(text) > maxPolicyBytes) {
    throw malformed(`Policy is too large: it has ${Buffer.byteLength(text)} bytes, the limit is ${maxPolicyBytes}`);
  }
  if (!text.trimStart().startsWith("{")) {
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  requireOwnResources(parsed(text), bucket);
  return text;
}

function parsed(text: string): PolicyDocument {
  try {
    return parsePolicyDocument(text, "resource");
  } catch (error) {
    if (!(error instanceof PolicySyntaxError)) throw error;
    throw malformed(`${error.message} (${error.where})`);
  }
}

/** A bucket's policy speaks of the bucket and what is in it, and of nothing else. */
function requireOwnResources({ statements }: PolicyDocument, bucket: string): void {
  for (const { resources, start } of statements) {
    const foreign = resources?.values.find((resource) => !isOwn(resource, bucket));
    if (foreign === undefined) continue;
    throw malformed(
      `Policy has invalid resource (${foreign}, in the statement at line ${start.line}, column ${start.column})`,
    );
  }
}

function isOwn(resource: string, bucket: string): boolean {
  if (resource === "*") return true;
  const name = /^arn:aws[a-z-]*:s3:::(.+)$/s.exec(resource)?.[1];
  return name !== undefined && (name === bucket || name.startsWith(`${bucket}/`) || isPatternOf(name, bucket));
}

/** Whether a name with wildcards can mean the bucket: `my-*`, `*`, `my-bucket*`, `my-buck?t/x`. */
function isPatternOf(name: string, bucket: string): boolean {
  const [head] = name.split("/", 1);
  const wild = head.search(/[*?]/);
  return wild !== -1 && bucket.startsWith(head.slice(0, wild));
}

function malformed(message: string) {
  return s3Error("MalformedPolicy", {}, { message });
}

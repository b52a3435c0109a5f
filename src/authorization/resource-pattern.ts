/**
 * Patterns of ARNs: the six fields between colons are matched one by one, so that a `*` stays within its field; the last
 * field, the resource, may hold colons and slashes. Fields that are left out at the end are `*`.
 * Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Amazon Resource Name (ARN) condition operators".
 */
import { likeMatcher, parseTemplate, type TextMatcher, type VariableSource } from "./variables.ts";
import { compileWildcard } from "./wildcard.ts";

const fieldCount = 6;

/** @param variables whether `${…}` is replaced; only in the resource, behind the fifth colon */
export function arnMatcher(pattern: string, variables: boolean): TextMatcher {
  if (pattern === "*") return () => true;
  const fields = splitArn(pattern);
  if (fields[0] !== "arn") return likeMatcher(parseTemplate(pattern, variables));
  while (fields.length < fieldCount) fields.push("*");
  const resource = fields[fieldCount - 1];
  const leading = fields.slice(0, fieldCount - 1);
  const template = parseTemplate(resource, variables);
  if (leading.every((field) => !/[*?]/.test(field))) {
    // Without wildcards in them, the leading fields need not be told apart.
    const prefix = { text: `${leading.join(":")}:` };
    return likeMatcher({ parts: [prefix, ...template.parts], keys: template.keys });
  }
  const matchesResource = likeMatcher(template);
  const matchers = leading.map((field) => compileWildcard(field));
  return (text, source) => matchesFields(text, matchers, matchesResource, source);
}

function matchesFields(
  text: string,
  leading: readonly ((field: string) => boolean)[],
  matchesResource: TextMatcher,
  source: VariableSource,
): boolean {
  let from = 0;
  for (const matches of leading) {
    const colon = text.indexOf(":", from);
    if (colon === -1 || !matches(text.slice(from, colon))) return false;
    from = colon + 1;
  }
  return matchesResource(text.slice(from), source);
}

/** At most six fields. A colon within a variable separates, too: before the fifth, variables stand for nothing anyway. */
function splitArn(pattern: string): string[] {
  const fields = pattern.split(":");
  return [
    ...fields.slice(0, fieldCount - 1),
    ...(fields.length < fieldCount ? [] : [fields.slice(fieldCount - 1).join(":")]),
  ];
}

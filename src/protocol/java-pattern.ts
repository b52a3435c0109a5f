/**
 * The patterns of the service descriptions are Java regular expressions that must match the whole value;
 * this makes JavaScript ones of them.
 */

/** Java's POSIX classes (java.util.regex.Pattern), as the content of a character class. */
const posixClasses: Readonly<Record<string, string>> = {
  Alnum: "a-zA-Z0-9",
  Alpha: "a-zA-Z",
  ASCII: "\\x00-\\x7F",
  Blank: " \\t",
  Cntrl: "\\x00-\\x1F\\x7F",
  Digit: "0-9",
  Graph: "\\x21-\\x7E",
  Lower: "a-z",
  Print: "\\x20-\\x7E",
  Punct: "!-\\/:-@\\[-`{-~",
  Space: " \\t\\n\\x0B\\f\\r",
  Upper: "A-Z",
  XDigit: "0-9a-fA-F",
};

/**
 * Patterns of the descriptions on which a backtracking engine takes exponential time, each with one that
 * matches exactly the same values in linear time. `java-pattern.test.ts` looks for further ones.
 */
export const linearEquivalents: Readonly<Record<string, string>> = {
  // Separators never stand side by side.
  "^[a-z0-9*](?:[._\\-/a-z0-9*]?[a-z0-9*]+)*$": "[a-z0-9*]+(?:[._\\-/][a-z0-9*]+)*",
  // At least one character that is no tab.
  "^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$":
    "\\t*[^\\x00-\\x1F:\\x7F][^\\x00-\\x08\\x0A-\\x1F:\\x7F]*",
  "^[ \\t]*[\\x20-\\x7E]+([ \\t]+[\\x20-\\x7E]+)*[ \\t]*$": "\\t*[\\x20-\\x7E][\\t\\x20-\\x7E]*",
  // One line that is not blank.
  ".*\\S.*": "[^\\S\\n\\r\\u2028\\u2029]*\\S.*",
  // A slash that has something before and behind it.
  "\\/?.+\\/.+": ".[^\\/\\n\\r\\u2028\\u2029]*\\/.+",
  // Whatever is no letter follows a letter.
  "^([A-Za-z](-|_|.)?)+$": "(?:[A-Za-z][^A-Za-z\\n\\r\\u2028\\u2029]?)+",
  // Repeating the group adds nothing to doing it once.
  "[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?": "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?",
  // Any text: every line end that the dot leaves out, but for the two that Unicode adds, is in the group.
  ".*(?:[ \\r\\n\\t].*)*": "[^\\u2028\\u2029]*",
  // Three characters besides single slashes; the upper bound is the length limit of the shape.
  "https://([.\\-_a-zA-Z0-9]+/?){3,1016}": "https://(?=(?:[.\\-_a-zA-Z0-9]/?){3})(?:[.\\-_a-zA-Z0-9]/?)+",
};

/**
 * @returns a regular expression that matches whole values only, with the `u` flag
 * @throws SyntaxError for what JavaScript cannot say: class intersections, quoting, possessive quantifiers
 */
export function compileJavaPattern(pattern: string): RegExp {
  const source = Object.hasOwn(linearEquivalents, pattern) ? linearEquivalents[pattern] : pattern;
  return new RegExp(`^(?:${translate(source)})$`, "u");
}

// The escapes that mean the same in both languages, digits (back references) included.
const sharedEscape = /^(?:[dDwWsSbBnrtfv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[1-9])/;
const quantifier = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/;
const syntaxCharacters = new Set("^$\\.*+?()[]{}|/");

/**
 * Java allows more than JavaScript's strict mode: needless escapes, lone brackets and braces, a hyphen beside a class
 * escape, quantified anchors, nested classes. All of them occur in the descriptions.
 */
function translate(pattern: string): string {
  let result = "";
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at];
    if (char === "[") {
      const end = classEnd(pattern, at);
      result += translateClass(pattern.slice(at, end));
      at = end;
    } else if (char === "\\") {
      const [text, length] = translateEscape(pattern, at, false);
      result += text;
      at += length;
    } else if (char === "^" || char === "$") {
      result += char;
      at += 1;
      // Java allows a quantifier on an anchor, where it says nothing.
      at += quantifier.exec(pattern.slice(at))?.[0].length ?? 0;
    } else if (char === "{" || char === "}" || char === "]") {
      const repeat = quantifier.exec(pattern.slice(at));
      result += repeat === null ? `\\${char}` : repeat[0];
      at += repeat === null ? 1 : repeat[0].length;
    } else {
      result += char;
      at += 1;
    }
  }
  return result;
}

/** @returns the translated escape and how many characters of the pattern it takes */
function translateEscape(pattern: string, at: number, inClass: boolean): [text: string, length: number] {
  const rest = pattern.slice(at + 1);
  const property = /^([pP])\{(\w+)\}/.exec(rest);
  if (property !== null) return [propertyClass(property[2], property[1] === "P", inClass), property[0].length + 1];
  const shared = sharedEscape.exec(rest);
  if (shared !== null) return [`\\${shared[0]}`, shared[0].length + 1];
  const char = rest[0];
  if (char === undefined) throw new SyntaxError(`the pattern ${pattern} ends with a backslash`);
  if (!inClass && char === "A") return ["^", 2];
  if (!inClass && (char === "z" || char === "Z")) return ["$", 2];
  if (/[A-Za-z0]/.test(char))
    throw new SyntaxError(`\\${char} in the pattern ${pattern} has no counterpart in JavaScript`);
  // Java lets any other character be escaped; JavaScript only those that need it.
  return [syntaxCharacters.has(char) || (inClass && char === "-") ? `\\${char}` : char, 2];
}

function propertyClass(name: string, negated: boolean, inClass: boolean): string {
  if (!Object.hasOwn(posixClasses, name)) return `\\${negated ? "P" : "p"}{${name}}`;
  if (inClass && negated) throw new SyntaxError(`\\P{${name}} within a class has no counterpart in JavaScript`);
  if (inClass) return posixClasses[name];
  return `[${negated ? "^" : ""}${posixClasses[name]}]`;
}

/** The index behind the bracket that closes the class opened at `start`; Java's classes nest. */
function classEnd(pattern: string, start: number): number {
  let depth = 0;
  for (let at = start; at < pattern.length; at += 1) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "[") depth += 1;
    else if (pattern[at] === "]") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  throw new SyntaxError(`a character class of the pattern ${pattern} is not closed`);
}

/** @param text a class with its brackets; classes within it are a union, so their brackets go */
function translateClass(text: string): string {
  if (text.includes("&&")) throw new SyntaxError(`the intersection in ${text} has no counterpart in JavaScript`);
  const negated = text.startsWith("[^");
  let result = negated ? "[^" : "[";
  let at = result.length;
  let afterClassEscape = false;
  while (at < text.length - 1) {
    const char = text[at];
    if (char === "[" || char === "]") {
      if (text.startsWith("[^", at))
        throw new SyntaxError(`the negated class within ${text} has no counterpart in JavaScript`);
      at += 1;
      continue;
    }
    const [part, length] = char === "\\" ? translateEscape(text, at, true) : [char, 1];
    // Between a class escape and anything else, a hyphen is itself and not a range.
    const beforeClassEscape = char === "-" && /^\\[dDwWsSpP]/.test(text.slice(at + 1));
    result += char === "-" && (afterClassEscape || beforeClassEscape) ? "\\-" : part;
    afterClassEscape = /^\\[dDwWsSpP]/.test(part);
    at += length;
  }
  return `${result}]`;
}

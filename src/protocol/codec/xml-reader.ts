/**
 * Reads an XML document into elements, strictly and in one pass.
 *
 * What a request can need is all there is: elements, attributes, text, CDATA, comments, processing instructions, the
 * five predefined entities and character references. DOCTYPE is refused, so no entity can be declared or
 * fetched. Text is exact, whitespace included. Written by hand because the parsers on npm are lenient where a server must not
 * be (they take `<a><b></a>`, ignore or expand DOCTYPE, lose `&#65;`) and several times slower on S3's key lists.
 * Source: XML 1.0, fifth edition.
 */
import { Malformed, maxDepth } from "./malformed.ts";

export interface XmlElement {
  /** The name without its namespace prefix. */
  readonly name: string;
  /** By the names as written, prefix included: `xsi:type`. */
  readonly attributes: ReadonlyMap<string, string> | undefined;
  children: XmlElement[];
  /** All text directly in the element, joined. */
  text: string;
}

interface StartTag {
  /** The name as written, which the end tag must repeat. */
  readonly name: string;
  readonly element: XmlElement;
  /** `<a/>` */
  readonly closed: boolean;
}

// Most elements are leaves; they share one empty list.
const noChildren: XmlElement[] = [];
const namePattern = /[A-Za-z_:\u0080-\uFFFF][-A-Za-z0-9._:\u0080-\uFFFF]*/y;
const space = /[ \t\r\n]*/y;
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** @throws Malformed saying what is wrong and at which character (counted from 0) */
export function readXml(source: string): XmlElement {
  return new XmlReader(source).document();
}

class XmlReader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    // A line end is one line feed, however it was written (section 2.11).
    const unmarked = source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
    this.#source = unmarked.includes("\r") ? unmarked.replace(/\r\n?/g, "\n") : unmarked;
  }

  document(): XmlElement {
    const source = this.#source;
    this.#misc();
    if (source[this.#at] !== "<") throw this.#wrong("a root element is expected");
    const root = this.#startTag();
    if (!root.closed) this.#content(root);
    this.#misc();
    if (this.#at < source.length) throw this.#wrong("the document goes on after its root element");
    return root.element;
  }

  /** Everything up to the end tag of `root`, with a stack of its own: depth costs no call stack. */
  #content(root: StartTag): void {
    const open: StartTag[] = [root];
    const source = this.#source;
    while (open.length > 0) {
      const { name, element: top } = open[open.length - 1];
      const next = source.indexOf("<", this.#at);
      if (next === -1) throw this.#wrong(`the element ${name} is not closed`, source.length);
      if (next > this.#at) top.text += this.#decodeText(this.#at, next);
      this.#at = next;
      const kind = source[next + 1];
      if (kind === "/") {
        this.#endTag(name);
        open.pop();
      } else if (kind === "!" || kind === "?") {
        if (source.startsWith("<![CDATA[", next)) top.text += this.#delimited("<![CDATA[", "]]>");
        else this.#skipMarkup();
      } else {
        const child = this.#startTag();
        if (top.children === noChildren) top.children = [];
        top.children.push(child.element);
        if (!child.closed) {
          if (open.length >= maxDepth) throw this.#wrong(`elements are nested deeper than ${maxDepth} levels`);
          open.push(child);
        }
      }
    }
  }

  #startTag(): StartTag {
    const source = this.#source;
    this.#at += 1;
    const name = this.#name();
    let attributes: Map<string, string> | undefined;
    for (;;) {
      const before = this.#at;
      this.#space();
      const char = source[this.#at];
      if (char === ">" || (char === "/" && source[this.#at + 1] === ">")) {
        this.#at += char === ">" ? 1 : 2;
        const colon = name.lastIndexOf(":");
        const element = {
          name: colon === -1 ? name : name.slice(colon + 1),
          attributes,
          children: noChildren,
          text: "",
        };
        return { name, element, closed: char === "/" };
      }
      if (before === this.#at) throw this.#wrong(`the tag ${name} is not well formed`);
      attributes ??= new Map();
      this.#attribute(attributes);
    }
  }

  #attribute(attributes: Map<string, string>): void {
    const source = this.#source;
    const name = this.#name();
    this.#space();
    if (source[this.#at] !== "=") throw this.#wrong(`the attribute ${name} has no value`);
    this.#at += 1;
    this.#space();
    const quote = source[this.#at];
    if (quote !== '"' && quote !== "'") throw this.#wrong(`the value of the attribute ${name} is not quoted`);
    const end = source.indexOf(quote, this.#at + 1);
    if (end === -1) throw this.#wrong(`the value of the attribute ${name} does not end`);
    if (attributes.has(name)) throw this.#wrong(`the attribute ${name} is repeated`);
    const raw = source.slice(this.#at + 1, end);
    if (raw.includes("<")) throw this.#wrong(`the value of the attribute ${name} holds a "<"`);
    // White space within a value is a space (section 3.3.3); references keep what they name.
    attributes.set(name, this.#decode(raw.replace(/[\t\n]/g, " "), this.#at + 1));
    this.#at = end + 1;
  }

  #endTag(name: string): void {
    const source = this.#source;
    const end = this.#at + 2 + name.length;
    if (!source.startsWith(name, this.#at + 2) || !/^[ \t\n]*>/.test(source.slice(end, end + 100))) {
      throw this.#wrong(`the end tag of ${name} is expected`);
    }
    this.#at = source.indexOf(">", end) + 1;
  }

  /** White space, comments and processing instructions around the root element. */
  #misc(): void {
    for (;;) {
      this.#space();
      const source = this.#source;
      if (source[this.#at] !== "<" || (source[this.#at + 1] !== "!" && source[this.#at + 1] !== "?")) return;
      this.#skipMarkup();
    }
  }

  #skipMarkup(): void {
    if (this.#source.startsWith("<!--", this.#at)) {
      const comment = this.#delimited("<!--", "-->");
      if (comment.includes("--")) throw this.#wrong('a comment holds "--"');
    } else if (this.#source.startsWith("<?", this.#at)) this.#delimited("<?", "?>");
    else if (/^<!doctype/i.test(this.#source.slice(this.#at, this.#at + 9)))
      throw this.#wrong("DOCTYPE is not allowed");
    else throw this.#wrong("markup of an unknown kind");
  }

  #delimited(start: string, end: string): string {
    const from = this.#at + start.length;
    const to = this.#source.indexOf(end, from);
    if (to === -1) throw this.#wrong(`"${start}" has no "${end}"`);
    this.#at = to + end.length;
    return this.#source.slice(from, to);
  }

  #name(): string {
    namePattern.lastIndex = this.#at;
    const match = namePattern.exec(this.#source);
    if (match === null) throw this.#wrong("a name is expected");
    this.#at = namePattern.lastIndex;
    return match[0];
  }

  #space(): void {
    space.lastIndex = this.#at;
    space.test(this.#source);
    this.#at = space.lastIndex;
  }

  #decodeText(from: number, to: number): string {
    const raw = this.#source.slice(from, to);
    if (raw.includes("]]>")) throw this.#wrong('text holds "]]>"', from + raw.indexOf("]]>"));
    return this.#decode(raw, from);
  }

  #decode(raw: string, from: number): string {
    if (!raw.includes("&")) return raw;
    return raw.replace(/&([^;&]{0,40});?/g, (reference, body: string, offset: number) => {
      const value = reference.endsWith(";") ? characterOf(body) : undefined;
      if (value === undefined) throw this.#wrong(`the reference "${reference.slice(0, 20)}" is unknown`, from + offset);
      return value;
    });
  }

  #wrong(what: string, at = this.#at): Malformed {
    return new Malformed(`The XML is not well formed: ${what}, at character ${at}`);
  }
}

/** The character of `amp`, `#65` or `#x41`; undefined when there is none. */
function characterOf(reference: string): string | undefined {
  if (Object.hasOwn(entities, reference)) return entities[reference];
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference);
  if (match === null) return undefined;
  const code = match[1] === undefined ? Number(match[2]) : Number.parseInt(match[1], 16);
  // Control characters are let through: S3 keys may hold them, and this is how clients write them.
  const exists = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return exists ? String.fromCodePoint(code) : undefined;
}

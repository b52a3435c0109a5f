/**
 * Regular expressions of users, searched in time that grows with the text and not with the expression's cleverness:
 * no expression can hold the server up.
 *
 * Whether a text matches is answered by an automaton whose states are made as they are needed; where groups lie is found
 * by following all possibilities side by side, the preferred first, as Perl would find them by trying.
 * Source: R. Cox, "Regular Expression Matching Can Be Simple And Fast", 2007, and "Regular Expression Matching: the
 * Virtual Machine Approach", 2009.
 */
import { type CharSet, isWordUnit, parseRegex } from "./parse-regex.ts";
import { compileProgram, type Instruction } from "./program.ts";

export { RegexError } from "./parse-regex.ts";

/** States kept; a few more and they are made anew. */
const mostStates = 256;

interface State {
  readonly places: readonly number[];
  readonly matches: boolean;
  readonly matchesAtEnd: boolean;
  readonly next: (State | undefined)[];
}

/** Where the groups begin and end. */
type Slots = readonly (number | undefined)[];

interface Thread {
  readonly place: number;
  readonly slots: Slots;
}

interface Around {
  readonly start: boolean;
  readonly end: boolean;
  readonly word: boolean;
}

export class LinearRegex {
  readonly source: string;
  /** Names of the groups 1, 2, …; undefined for those without one. */
  readonly groups: readonly (string | undefined)[];
  readonly #program: readonly Instruction[];
  readonly #looksAround: boolean;
  readonly #classes: CharClasses;
  #states = new Map<string, State>();
  #first: State | undefined;
  /** The round in which each place was reached last. */
  readonly #reached: Float64Array;
  #round = 0;
  /** Classes of code units with which a match can begin. */
  #beginnings: readonly boolean[] | "anywhere" | undefined;

  /** @throws RegexError */
  constructor(source: string) {
    this.source = source;
    const { root, groups } = parseRegex(source);
    this.groups = groups;
    this.#program = compileProgram(root);
    this.#reached = new Float64Array(this.#program.length);
    this.#looksAround = this.#program.some(
      (instruction) => instruction.op === "assert" && instruction.at.endsWith("word"),
    );
    this.#classes = new CharClasses(
      this.#program.flatMap((instruction) => (instruction.op === "set" ? [instruction.set] : [])),
    );
  }

  /** Whether some part of the text matches. */
  test(text: string): boolean {
    if (this.#looksAround) return this.exec(text) !== undefined;
    let state = (this.#first ??= this.#stateOf(this.#reach([0], { start: true, end: false, word: false })));
    for (let at = 0; at < text.length; at += 1) {
      if (state.matches) return true;
      const unitClass = this.#classes.of(text.charCodeAt(at));
      state = state.next[unitClass] ?? this.#advance(state, unitClass);
    }
    return state.matches || state.matchesAtEnd || (text.length === 0 && this.exec(text) !== undefined);
  }

  /**
   * The leftmost match: the whole of it, then its groups.
   * @returns undefined when there is none; a group that has no part in the match is undefined
   */
  exec(text: string, from = 0): readonly (string | undefined)[] | undefined {
    const slots = this.#search(text, from);
    return slots && this.#textsOf(text, slots);
  }

  /** Every match replaced by `replacement`, literally. */
  replaceAll(text: string, replacement: string): string {
    let result = "";
    let from = 0;
    for (;;) {
      const slots = from <= text.length ? this.#search(text, from) : undefined;
      if (slots === undefined) return result + text.slice(from);
      const [start, end] = slots as [number, number];
      result += text.slice(from, start) + replacement;
      // An empty match steps over one character, which stays.
      if (end === start) result += text.slice(start, start + 1);
      from = end === start ? end + 1 : end;
    }
  }

  #textsOf(text: string, slots: Slots): (string | undefined)[] {
    return Array.from({ length: this.groups.length + 1 }, (_, group) => {
      const [start, end] = [slots[2 * group], slots[2 * group + 1]];
      return start === undefined || end === undefined ? undefined : text.slice(start, end);
    });
  }

  /** All possibilities side by side, in the order of preference, with where their groups lie. */
  #search(text: string, from: number): Slots | undefined {
    let threads: Thread[] = [];
    let found: Slots | undefined;
    for (let at = from; at <= text.length; at += 1) {
      if (threads.length === 0) {
        if (found !== undefined) break;
        // Nothing is under way: on to where a match can begin.
        while (at < text.length && !this.#begins(text.charCodeAt(at))) at += 1;
      }
      const around = this.#looksAround
        ? this.#around(text, at)
        : { start: at === 0, end: at === text.length, word: false };
      const next: Thread[] = [];
      this.#round += 1;
      for (const thread of threads) this.#follow(thread, at, around, next);
      if (found === undefined) this.#follow({ place: 0, slots: [] }, at, around, next);
      threads = [];
      const unit = text.charCodeAt(at);
      for (const { place, slots } of next) {
        const instruction = this.#program[place];
        if (instruction.op === "match") {
          // Whatever comes behind this one is less preferred.
          found = slots;
          break;
        }
        if (instruction.op === "set" && at < text.length && includes(instruction.set, unit)) {
          threads.push({ place: place + 1, slots });
        }
      }
    }
    return found;
  }

  /** Goes on without a character to all places that wait for one, the preferred first; each once in a round. */
  #follow(from: Thread, at: number, around: Around, next: Thread[]): void {
    const pending = [from];
    for (let top = pending.pop(); top !== undefined; top = pending.pop()) {
      const { place, slots } = top;
      if (this.#reached[place] === this.#round) continue;
      this.#reached[place] = this.#round;
      const instruction = this.#program[place];
      if (instruction.op === "jump") pending.push({ place: instruction.to, slots });
      else if (instruction.op === "split") {
        pending.push({ place: instruction.second, slots }, { place: instruction.first, slots });
      } else if (instruction.op === "save") {
        const saved = [...slots];
        saved[instruction.slot] = at;
        pending.push({ place: place + 1, slots: saved });
      } else if (instruction.op === "assert") {
        if (holds(instruction.at, around)) pending.push({ place: place + 1, slots });
      } else next.push(top);
    }
  }

  /** Whether a match can begin with a code unit. */
  #begins(unit: number): boolean {
    this.#beginnings ??= this.#findBeginnings();
    return this.#beginnings === "anywhere" || this.#beginnings[this.#classes.of(unit)];
  }

  #findBeginnings(): readonly boolean[] | "anywhere" {
    const places = this.#reach([0], "any");
    if (places.some((place) => this.#program[place].op !== "set")) return "anywhere";
    return Array.from({ length: this.#classes.count }, (_, unitClass) =>
      places.some((place) => {
        const instruction = this.#program[place];
        return instruction.op === "set" && includes(instruction.set, this.#classes.sample(unitClass));
      }),
    );
  }

  #around(text: string, at: number): Around {
    const before = at > 0 && isWordUnit(text.charCodeAt(at - 1));
    const behind = at < text.length && isWordUnit(text.charCodeAt(at));
    return { start: at === 0, end: at === text.length, word: before !== behind };
  }

  /** The places that wait for a character (or the end), from some places. */
  #reach(from: readonly number[], around: Around | "any"): number[] {
    const reached = new Set<number>();
    const pending = [...from];
    for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
      if (reached.has(place)) continue;
      reached.add(place);
      const instruction = this.#program[place];
      if (instruction.op === "jump") pending.push(instruction.to);
      else if (instruction.op === "split") pending.push(instruction.first, instruction.second);
      else if (instruction.op === "save") pending.push(place + 1);
      else if (instruction.op === "assert" && (around === "any" || holds(instruction.at, around))) {
        pending.push(place + 1);
      }
    }
    return [...reached].filter((place) => this.#waits(this.#program[place])).sort((a, b) => a - b);
  }

  #waits(instruction: Instruction): boolean {
    return (
      instruction.op === "set" ||
      instruction.op === "match" ||
      (instruction.op === "assert" && instruction.at === "end")
    );
  }

  #stateOf(places: readonly number[]): State {
    const key = places.join();
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= mostStates) {
      this.#states = new Map();
      this.#first = undefined;
    }
    const isMatch = (place: number) => this.#program[place].op === "match";
    const state: State = {
      places,
      matches: places.some(isMatch),
      matchesAtEnd: this.#reach(places, { start: false, end: true, word: false }).some(isMatch),
      next: [],
    };
    this.#states.set(key, state);
    return state;
  }

  #advance(state: State, unitClass: number): State {
    const unit = this.#classes.sample(unitClass);
    const places = state.places.flatMap((place) => {
      const instruction = this.#program[place];
      return instruction.op === "set" && includes(instruction.set, unit) ? [place + 1] : [];
    });
    // A match may begin anywhere.
    const next = this.#stateOf(this.#reach([...places, 0], { start: false, end: false, word: false }));
    state.next[unitClass] = next;
    return next;
  }
}

function holds(at: "start" | "end" | "word" | "not-word", around: Around): boolean {
  if (at === "start") return around.start;
  if (at === "end") return around.end;
  return around.word === (at === "word");
}

function includes(set: CharSet, unit: number): boolean {
  for (const [from, to] of set) {
    if (unit < from) return false;
    if (unit <= to) return true;
  }
  return false;
}

/** Code units that no set of an expression tells apart are one class. */
class CharClasses {
  /** First units of the classes, in order. */
  readonly #starts: readonly number[];
  readonly #ofLatin = new Uint16Array(256);

  constructor(sets: readonly CharSet[]) {
    const starts = new Set([0]);
    for (const set of sets) {
      for (const [from, to] of set) {
        starts.add(from);
        if (to < 0xffff) starts.add(to + 1);
      }
    }
    this.#starts = [...starts].sort((a, b) => a - b);
    for (let unit = 0; unit < 256; unit += 1) this.#ofLatin[unit] = this.#find(unit);
  }

  of(unit: number): number {
    return unit < 256 ? this.#ofLatin[unit] : this.#find(unit);
  }

  get count(): number {
    return this.#starts.length;
  }

  sample(unitClass: number): number {
    return this.#starts[unitClass];
  }

  #find(unit: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle] <= unit) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

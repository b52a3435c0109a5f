/** A regular expression as instructions of an automaton that is in several places at once. */
import { type CharSet, RegexError, type RegexNode } from "./parse-regex.ts";

export type Instruction =
  | { readonly op: "set"; readonly set: CharSet }
  /** Goes on in both places; the first one is preferred. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "assert"; readonly at: "start" | "end" | "word" | "not-word" }
  | { readonly op: "match" };

/** Searching costs at most so many steps per character. */
const mostInstructions = 2000;

/** Slots 0 and 1 are the whole match, 2n and 2n + 1 the group n. */
export function compileProgram(root: RegexNode): readonly Instruction[] {
  const program: Instruction[] = [];
  const emit = (instruction: Instruction): number => {
    if (program.length >= mostInstructions) throw new RegexError("the expression is too large", 0);
    return program.push(instruction) - 1;
  };
  const split = (lazy: boolean): { enter: () => void; leave: () => void } => {
    const instruction = { op: "split" as const, first: 0, second: 0 };
    emit(instruction);
    const set = (toInner: boolean) => () => {
      if (toInner === lazy) instruction.second = program.length;
      else instruction.first = program.length;
    };
    return { enter: set(true), leave: set(false) };
  };

  const build = (node: RegexNode): void => {
    switch (node.kind) {
      case "set":
        emit({ op: "set", set: node.set });
        return;
      case "assert":
        emit({ op: "assert", at: node.at });
        return;
      case "sequence":
        node.parts.forEach(build);
        return;
      case "group":
        emit({ op: "save", slot: 2 * node.index });
        build(node.inner);
        emit({ op: "save", slot: 2 * node.index + 1 });
        return;
      case "either":
        buildEither(node.choices);
        return;
      case "repeat":
        buildRepeat(node);
    }
  };
  const buildEither = (choices: readonly RegexNode[]): void => {
    const ends: { op: "jump"; to: number }[] = [];
    for (const [at, choice] of choices.entries()) {
      if (at === choices.length - 1) {
        build(choice);
        break;
      }
      const { enter, leave } = split(false);
      enter();
      build(choice);
      const end = { op: "jump" as const, to: 0 };
      emit(end);
      ends.push(end);
      leave();
    }
    for (const end of ends) end.to = program.length;
  };
  const buildRepeat = ({ inner, least, most, lazy }: Extract<RegexNode, { kind: "repeat" }>): void => {
    for (let round = 0; round < least; round += 1) build(inner);
    if (most === Infinity) {
      const start = program.length;
      const { enter, leave } = split(lazy);
      enter();
      build(inner);
      emit({ op: "jump", to: start });
      leave();
      return;
    }
    const leaves: (() => void)[] = [];
    for (let round = least; round < most; round += 1) {
      const { enter, leave } = split(lazy);
      enter();
      build(inner);
      leaves.push(leave);
    }
    for (const leave of leaves) leave();
  };

  emit({ op: "save", slot: 0 });
  build(root);
  emit({ op: "save", slot: 1 });
  emit({ op: "match" });
  return program;
}

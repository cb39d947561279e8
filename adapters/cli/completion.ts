import * as Schema from "effect/Schema";
import { choicesFor, type Command, command, option } from "./command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const completion = (commands: ReadonlyArray<Command>) =>
  command({
    name: "completion",
    summary: "Print what makes your shell complete commands and options",
    options: {
      shell: option("SHELL", Schema.Literals(SHELLS), "bash, zsh or fish", {
        isArgument: true,
        isRequired: true,
      }),
    },
    run: async ({ shell }) => ({ result: SCRIPTS[shell](commands) }),
  });

/** The words that may follow those that were typed, the longest first. */
function continuations(commands: ReadonlyArray<Command>): ReadonlyArray<readonly [string, string]> {
  const next = new Map<string, Set<string>>();
  const add = (typed: string, word: string) =>
    next.set(typed, (next.get(typed) ?? new Set()).add(word));
  for (const { name, options } of commands) {
    const words = name.split(" ");
    words.forEach((word, at) => add(words.slice(0, at).join(" "), word));
    add(name, "--help");
    for (const [word, option] of Object.entries(options)) {
      for (const each of option.isArgument ? choicesFor(option) : [`--${word}`]) add(name, each);
    }
  }
  return [...next]
    .sort(([a], [b]) => b.length - a.length)
    .map(([typed, words]) => [typed, [...words].join(" ")]);
}

function bash(commands: ReadonlyArray<Command>): string {
  const choices = commands.flatMap(({ options }) =>
    Object.entries(options).flatMap(([name, option]) =>
      option.isArgument || choicesFor(option).length === 0
        ? []
        : [[`*" --${name} "`, choicesFor(option).join(" ")] as const],
    ),
  );
  const cases = [
    ...new Map(choices),
    ...continuations(commands).map(
      ([typed, words]) => [typed === "" ? '" "' : `"${typed} "*`, words] as const,
    ),
  ];
  return `_valetkey() {
  local words="" typed="\${COMP_WORDS[*]:1:$((COMP_CWORD - 1))} "
  case "$typed" in
${cases.map(([pattern, words]) => `    ${pattern}) words="${words}" ;;\n`).join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _valetkey valetkey
`;
}

function fish(commands: ReadonlyArray<Command>): string {
  const words = new Map(continuations(commands));
  const lines = commands.flatMap(({ name, summary, options }) => {
    const parts = name.split(" ");
    const subcommands = parts.map((word, at) => {
      const before = parts.slice(0, at);
      const not = `not __fish_seen_subcommand_from ${words.get(before.join(" "))}`;
      const about = at === parts.length - 1 ? summary : `Commands for each ${word}`;
      return `-n "${[seen(before), not].filter((text) => text !== "").join("; and ")}" -f -a ${word} -d ${quoted(about)}`;
    });
    const flags = Object.entries(options).map(([word, option]) => {
      const { isArgument, value, shape } = option;
      const choices = choicesFor(option).join(" ");
      const list = choices === "" ? "" : ` -f -a "${choices}"`;
      const flag = isArgument ? list : ` -l ${word}${value === undefined ? "" : " -r"}${list}`;
      return `-n "${seen(parts)}"${flag} -d ${quoted(shape)}`;
    });
    return [...subcommands, ...flags];
  });
  return [...new Set(lines)].map((line) => `complete -c valetkey ${line}\n`).join("");
}

const seen = (words: ReadonlyArray<string>) =>
  words.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");

const quoted = (text: string) => `'${text.replaceAll("'", "\\'")}'`;

const SCRIPTS: Readonly<
  Record<(typeof SHELLS)[number], (commands: ReadonlyArray<Command>) => string>
> = {
  bash,
  zsh: (commands) => `autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`,
  fish,
};

import { type CommandParser, defineScript } from "@redis/client";

/** A script of `keys` keys that finds its values, which are one JSON object, in `input`. */
export const script = <Input extends object, Reply>(keys: number, lua: string) =>
  defineScript({
    NUMBER_OF_KEYS: keys,
    SCRIPT: `local input = cjson.decode(ARGV[1])${lua}`,
    parseCommand: (parser: CommandParser, keys: ReadonlyArray<string>, input: Input) => {
      for (const key of keys) parser.pushKey(key);
      parser.push(JSON.stringify(input));
    },
    transformReply: (reply: unknown) => reply as Reply,
  });

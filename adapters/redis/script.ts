import { type CommandParser, defineScript } from "@redis/client";

/** A script of `keys` keys that finds its values, which are one JSON object, in `given`. */
export const script = <Given extends object, Reply>(keys: number, lua: string) =>
  defineScript({
    NUMBER_OF_KEYS: keys,
    SCRIPT: `local given = cjson.decode(ARGV[1])${lua}`,
    parseCommand: (parser: CommandParser, keys: ReadonlyArray<string>, given: Given) => {
      for (const key of keys) parser.pushKey(key);
      parser.push(JSON.stringify(given));
    },
    transformReply: (reply: unknown) => reply as Reply,
  });

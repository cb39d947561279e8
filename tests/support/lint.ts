import type { RuleTester } from "oxlint/plugins-dev";

// A rule of our own for oxlint: whoever can time a comparison by `===` learns a secret text piece by
// piece. Only the names in a comparison tell what is compared, so that a rule is all that can see it.

type Rule = Extract<Parameters<RuleTester["run"]>[1], { readonly create: unknown }>;
type Context = Parameters<NonNullable<Rule["create"]>>[0];
type Node = NonNullable<ReturnType<Context["sourceCode"]["getNodeByRangeIndex"]>>;

/** Names whose value is a secret, or is made of one. */
const SECRET =
  /(?:^|_)(?:h?mac|signature|digest|hash|token|secret|secret_key|password)(?:e?s|_of)?$/;

/** Methods whose result is as secret as what they are of. */
const SAME = /^(?:at|get|slice|to_lower_case|to_string|to_upper_case|trim)$/;

/** The name of what an expression gives, in the form of `secret_key`. */
function nameOf(node: Node): string {
  switch (node.type) {
    case "Identifier":
      return node.name.replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, "_").toLowerCase();
    case "Literal":
      return String(node.value).replaceAll("-", "_").toLowerCase();
    case "MemberExpression":
      return nameOf(node.property);
    case "CallExpression": {
      const { callee } = node;
      const isSame = callee.type === "MemberExpression" && SAME.test(nameOf(callee.property));
      // Such as `Redacted.value(secretKey)`, `digests.get(name)` and `field("x-signature")`.
      const names = [isSame ? callee.object : callee, ...node.arguments].map(nameOf);
      return names.find((name) => SECRET.test(name)) ?? "";
    }
    case "AwaitExpression":
      return nameOf(node.argument);
    case "ChainExpression":
    case "ParenthesizedExpression":
    case "TSAsExpression":
    case "TSNonNullExpression":
      return nameOf(node.expression);
    default:
      return "";
  }
}

/** Whether an expression is the same for everybody. */
const isConstant = (node: Node): boolean =>
  node.type === "Literal" ||
  node.type === "UnaryExpression" ||
  (node.type === "Identifier" && node.name === "undefined");

/** No secret is compared by `===` and its like. */
const constantTime: Rule = {
  create: (context) => ({
    BinaryExpression(node) {
      const { left, operator, right } = node;
      const sides = [left, right];
      if (!/^[!=]==?$/.test(operator) || sides.some(isConstant)) return;
      const name = sides.map(nameOf).find((name) => SECRET.test(name));
      if (name === undefined) return;
      context.report({
        node,
        message: `${name} is compared by ${operator}, whose time tells how much is equal; use timingSafeEqual, or say why nobody gains from it`,
      });
    },
  }),
};

// The type of a rule has no name outside of its package.
const rules: Readonly<Record<string, object>> = { "constant-time": constantTime };
export default { meta: { name: "valetkey" }, rules };

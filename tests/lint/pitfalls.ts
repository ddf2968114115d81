/** A plugin for `deno lint`: what works in a test of an hour and not in a service of a year. */

const plugin: Deno.lint.Plugin = {
  name: "pitfalls",
  rules: {
    "no-abort-signal-any": {
      create(context) {
        if (!isSource(context.filename)) return {};
        return {
          'MemberExpression[object.name="AbortSignal"][property.name="any"]'(node) {
            context.report({
              node,
              message: "use anySignal: the runtime may collect this signal while it is waited for",
            });
          },
        };
      },
    },
    "zod-as-namespace": {
      create(context) {
        return {
          ImportDeclaration(node) {
            if (
              node.source.value !== "zod" || node.specifiers.some(({ type }) => type === "ImportNamespaceSpecifier")
            ) {
              return;
            }
            const message = 'use import * as z from "zod": z alone brings its texts in all languages into memory';
            context.report({ node, message });
          },
        };
      },
    },
  },
};
export default plugin;

function isSource(fileName: string): boolean {
  return /\/src\/.+\.tsx?$/.test(fileName.replaceAll("\\", "/"));
}

/** A plugin for `deno lint`: every file of `src/` begins with a module doc, and every exported declaration has JSDoc. */

/** A shebang and directives such as `deno-lint-ignore-file` may come first: tools want them there. */
const beginsWithDoc = /^(#!.*\n)?(\/\/.*\n)*\s*\/\*\*/;
/** With a blank line between, a comment belongs to the file and not to what follows. */
const endsWithDoc = /\*\/[ \t]*\r?\n?[ \t]*$/;

const plugin: Deno.lint.Plugin = {
  name: "documentation",
  rules: {
    "documented-exports": {
      create(context) {
        if (!/\/src\/.+\.tsx?$/.test(context.filename.replaceAll("\\", "/"))) return {};
        const text = context.sourceCode.text;
        const isDocumented = (node: Deno.lint.Node) => endsWithDoc.test(text.slice(0, node.range[0]));
        return {
          Program(node) {
            if (!beginsWithDoc.test(text)) {
              context.report({ node, message: "a file begins with a module doc: what it is for, and why" });
            }
          },
          ExportNamedDeclaration(node) {
            const { declaration } = node;
            if (declaration === null || declaration === undefined || isDocumented(node)) return;
            if (isSchemaType(declaration)) return;
            context.report({ node, message: "an exported declaration has JSDoc" });
          },
        };
      },
    },
  },
};
export default plugin;

/** `export type X = z.infer<typeof X>` is documented at the schema of the same name. */
function isSchemaType(declaration: Deno.lint.Node): boolean {
  return declaration.type === "TSTypeAliasDeclaration" &&
    declaration.typeAnnotation.type === "TSTypeReference" &&
    declaration.typeAnnotation.typeName.type === "TSQualifiedName";
}

/** What the user types, and texts in which `backticks` mark it. */
import { type FC, Fragment } from "hono/jsx";

/** The text, with the marked parts as code. */
export const WithCode: FC<{ text: string }> = ({ text }) => (
  <>
    {text.split("`").map((piece, index) =>
      index % 2 === 1 ? <Code key={index} text={piece} /> : <Fragment key={String(index)}>{piece}</Fragment>
    )}
  </>
);

/** A command: browsers would break it at its hyphens, so each word has an element that keeps it whole. */
export const Code: FC<{ text: string }> = ({ text }) => (
  <code>
    {text.split(/( )/).map((word, index) => word === " " ? word : <span key={String(index)}>{word}</span>)}
  </code>
);

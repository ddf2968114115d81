/** A text in which `backticks` mark what the user types. */
import { type FC, Fragment } from "hono/jsx";

/** The text, with the marked parts as code. */
export const WithCode: FC<{ text: string }> = ({ text }) => (
  <>
    {text.split("`").map((piece, index) =>
      index % 2 === 1 ? <code key={index}>{piece}</code> : <Fragment key={String(index)}>{piece}</Fragment>
    )}
  </>
);

import { Textarea } from "@mantine/core";
import { forwardRef } from "react";

const MOST = 2000;

interface CommentFieldProps {
  value: string;
  onChange: (text: string) => void;
}

/** A remark beside an answer; Escape leads back to the keys. */
export const CommentField = forwardRef<HTMLTextAreaElement, CommentFieldProps>(
  function CommentField({ value, onChange }, ref) {
    return (
      <Textarea
        ref={ref}
        aria-label="Comment"
        aria-keyshortcuts="c"
        placeholder="Comment, if there is something to say (c)"
        autosize
        minRows={1}
        maxRows={5}
        maxLength={MOST}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  },
);

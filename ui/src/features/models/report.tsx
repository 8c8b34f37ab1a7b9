import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { Loaded } from "@/design/loaded";
import { Panel } from "@/design/panel";
import { type DocumentKind, documentQuery } from "./queries";
import styles from "./report.module.css";

const KINDS = [
  { value: "report", label: "Gate report" },
  { value: "card", label: "Model card" },
];

/** What the gates wrote, and the card that the ledger writes. */
export function Report({ name, number }: { name: string; number: number }) {
  const [kind, setKind] = useState<DocumentKind>("report");
  const query = useQuery(documentQuery(name, number, kind));
  return (
    <Panel
      title="In words"
      aside={
        <SegmentedControl
          size="xs"
          data={KINDS}
          value={kind}
          onChange={(value) => setKind(value as DocumentKind)}
        />
      }
    >
      <div className={styles.report}>
        <Loaded query={query}>
          {(document) => <Markdown remarkPlugins={[remarkGfm]}>{document.markdown}</Markdown>}
        </Loaded>
      </div>
    </Panel>
  );
}

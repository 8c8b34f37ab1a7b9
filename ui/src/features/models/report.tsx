import { useQuery } from "@tanstack/react-query";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { Loaded } from "@/design/loaded";
import { Panel } from "@/design/panel";
import { reportQuery } from "./queries";
import styles from "./report.module.css";

/** The report that the gates wrote. */
export function Report({ name, number }: { name: string; number: number }) {
  return (
    <Loaded query={useQuery(reportQuery(name, number))}>
      {(report) => (
        <Panel title="Report">
          <div className={styles.report}>
            <Markdown remarkPlugins={[remarkGfm]}>{report.markdown}</Markdown>
          </div>
        </Panel>
      )}
    </Loaded>
  );
}

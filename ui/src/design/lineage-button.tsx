import { Button } from "@mantine/core";
import { IconAffiliate } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";

/** Leads to the lineage graph around a reference. */
export function LineageButton({ ref_ }: { ref_: string }) {
  const navigate = useNavigate();
  const href = `/lineage?ref=${encodeURIComponent(ref_)}`;
  return (
    <Button
      component="a"
      href={href}
      variant="default"
      size="sm"
      leftSection={<IconAffiliate size={16} />}
      onClick={(event) => {
        event.preventDefault();
        void navigate({ href });
      }}
    >
      Lineage
    </Button>
  );
}

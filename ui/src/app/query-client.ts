import { QueryClient } from "@tanstack/react-query";
import { Problem } from "@/api/client";

const RETRIES = 2;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server answered on purpose won't change by asking again.
      retry: (failures, error) =>
        failures < RETRIES && !(error instanceof Problem && error.status < 500),
    },
  },
});

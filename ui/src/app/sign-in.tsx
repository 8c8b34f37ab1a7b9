import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client, Problem } from "@/api/client";
import { Logo } from "./logo";
import styles from "./sign-in.module.css";

/** Asks for the server's token and exchanges it for a cookie that scripts can't read. */
export function SignIn() {
  const [token, setToken] = useState("");
  const queries = useQueryClient();
  const signIn = useMutation({
    mutationFn: async () => {
      const { response, error } = await client.POST("/api/v1/session", { body: { token } });
      if (!response.ok) throw Problem.from(response, error);
    },
    onSuccess: () => queries.invalidateQueries(),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <div className={styles.page}>
      <form className={styles.form} onSubmit={submit}>
        <Logo size={40} />
        <h1>This server asks for its token</h1>
        <PasswordInput
          aria-label="Token"
          placeholder="Token"
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={signIn.error?.message}
        />
        <Button type="submit" loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </div>
  );
}

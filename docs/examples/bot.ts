// A bot in TypeScript over Supabase's RPC: it harvests, claims, hands over, and tells.
//
//     SUPABASE_URL=… SUPABASE_SERVICE_ROLE_KEY=… npx tsx bot.ts
//
// It belongs on a server: the service role's key must never reach a browser. The stubs are yours to write;
// none of them, and nothing in replyloop, posts to X.

import { createClient } from "@supabase/supabase-js";

type Claim = {
  decision_id: string;
  tweet_id: string;
  target_username: string;
  tweet_text: string | null;
  generator: string;
  generator_probability: number;
  arms: Record<string, string>;
  experiment_id: string | null;
  variant: string | null;
  predicted_followers: number | null;
  reason: string;
  lease_until: string;
};
type Told = { status: "recorded" | "unchanged" | "quarantined"; reason?: string; feedback?: "high" | "low" | null };
type Found = { tweetId: string; username: string; likes: number; replies: number; minutes: number; text: string };
type Counts = { followers_gained: number; likes: number; impressions: number; profile_clicks: number };

const supabase = createClient(process.env.SUPABASE_URL!, process.env.SUPABASE_SERVICE_ROLE_KEY!, {
  auth: { persistSession: false },
});

async function call<Answer>(name: string, values: Record<string, unknown> = {}): Promise<Answer> {
  const { data, error } = await supabase.schema("replyloop").rpc(name, values);
  if (error) throw new Error(`${name}: ${error.message}`);
  return data as Answer;
}

async function searchPosts(query: string): Promise<Found[]> {
  return [{ tweetId: "1990000000000000001", username: "NASA", likes: 42000, replies: 130, minutes: 45, text: "Water." }];
}

async function writeReply(claim: Claim): Promise<string> {
  return `[${claim.generator}, ${claim.arms.format ?? "any format"}] A thought on what you found.`;
}

// A person or a permitted account posts it; the id of what was posted, null if nothing was.
async function handOver(claim: Claim, text: string): Promise<string | null> {
  console.log(`To @${claim.target_username}: ${text}`);
  return null;
}

async function repliesToMeasure(): Promise<Map<string, Counts>> {
  return new Map();
}

async function harvest(): Promise<void> {
  const plan = await call<{ api_query: string }[]>("read_search_plan");
  for (const { api_query } of plan) {
    for (const post of await searchPosts(api_query)) {
      const told = await call<Told>("record_opportunity", {
        tweet_id: post.tweetId, // a string: JavaScript's numbers lose its last digits
        target_username: post.username,
        like_count: post.likes,
        reply_count: post.replies,
        posted_minutes_ago: post.minutes,
        search_query: api_query,
        tweet_text: post.text,
      });
      if (told.status === "quarantined") console.warn(`${post.tweetId}: ${told.reason}`);
    }
  }
}

async function answer(): Promise<void> {
  for (const claim of await call<Claim[]>("claim_next", { most: 3, claimed_by: "bot.ts" })) {
    const text = await writeReply(claim);
    const tweetId = await handOver(claim, text);
    if (tweetId) await call<Told>("record_reply", { decision_id: claim.decision_id, tweet_id: tweetId, content: text });
  }
}

async function measure(): Promise<void> {
  const now = new Date().toISOString();
  for (const [tweetId, counts] of await repliesToMeasure()) {
    await call<Told>("record_metrics", { tweet_id: tweetId, collected_at: now, ...counts });
  }
}

for (const step of [harvest, answer, measure]) {
  try {
    await step();
  } catch (error) {
    console.error(error);
    await call<Told>("record_error", { component: step.name, message: String(error) });
  }
}

//! The same scores behind the chat API that Flink's `openai` model provider speaks: the request is
//! the last message of the user, as JSON text, and so is the answer.

use serde::Deserialize;
use serde_json::{Value, json};

use super::rules::Response;

/// What the provider sends; the rest of it does not matter here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Chat {
    /// The name of the model, repeated in the answer.
    pub model: String,
    messages: Vec<Message>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Message {
    role: String,
    content: Content,
}

/// A text, or a list of parts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

impl Chat {
    /// The last text of the user.
    pub fn request(&self) -> String {
        let asked = self.messages.iter().rev().find(|message| message.role == "user");
        match asked.map(|message| &message.content) {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => parts.iter().map(|part| part.text.as_str()).collect(),
            None => String::new(),
        }
    }

    /// The answer as the provider reads it.
    pub fn answer(&self, scored: &Response) -> Value {
        let content = serde_json::to_string(scored).unwrap_or_default();
        json!({
            "id": format!("score-{}", scored.txn_id),
            "object": "chat.completion",
            "created": scored.inference_timestamp.as_second(),
            "model": self.model,
            "choices": [{
                "index": 0,
                "finish_reason": "stop",
                "logprobs": null,
                "message": {"role": "assistant", "content": content, "refusal": null},
            }],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_text_of_the_user_is_the_request() {
        let read = |messages: &str| {
            let text = format!(r#"{{"model":"m","messages":{messages},"temperature":1}}"#);
            serde_json::from_str::<Chat>(&text).unwrap().request()
        };
        let plain = r#"[{"role":"system","content":"s"},{"role":"user","content":"u"}]"#;
        assert_eq!(read(plain), "u");
        assert_eq!(read(r#"[{"role":"user","content":[{"type":"text","text":"p"}]}]"#), "p");
        assert_eq!(read("[]"), "");
    }
}

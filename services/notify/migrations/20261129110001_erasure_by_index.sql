-- migrate:up

-- What a person leaves behind is found without a look at everybody else's.
CREATE INDEX entity_refs_user_id_idx ON entity_refs (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX support_ticket_messages_sender_user_id_idx ON support_ticket_messages (sender_user_id);
CREATE INDEX kb_article_feedback_user_id_idx ON kb_article_feedback (user_id);

-- migrate:down

DROP INDEX entity_refs_user_id_idx, support_ticket_messages_sender_user_id_idx, kb_article_feedback_user_id_idx;

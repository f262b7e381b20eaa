"""chat2crm carries finished website chats into CRMs."""

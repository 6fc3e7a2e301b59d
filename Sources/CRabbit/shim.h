// Older and newer versions of librabbitmq have their headers in different folders.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif

// amqp_login_with_properties is variadic, and Swift cannot call variadic C functions. One channel. The broker is asked to say
// when it blocks who publishes.
static inline amqp_rpc_reply_t crabbit_login(
    amqp_connection_state_t state, const char *vhost, int frame_bytes, int heartbeat_seconds, const char *user,
    const char *password) {
    amqp_table_entry_t capability = {
        .key = amqp_cstring_bytes("connection.blocked"), .value = {.kind = AMQP_FIELD_KIND_BOOLEAN, .value = {.boolean = 1}}};
    amqp_table_t capabilities = {.num_entries = 1, .entries = &capability};
    amqp_table_entry_t properties[] = {
        {.key = amqp_cstring_bytes("product"),
         .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = amqp_cstring_bytes("Tranche")}}},
        {.key = amqp_cstring_bytes("capabilities"),
         .value = {.kind = AMQP_FIELD_KIND_TABLE, .value = {.table = capabilities}}},
    };
    amqp_table_t table = {.num_entries = 2, .entries = properties};
    return amqp_login_with_properties(
        state, vhost, 1, frame_bytes, heartbeat_seconds, &table, AMQP_SASL_METHOD_PLAIN, user, password);
}

// Swift does not import macros with a cast.
static const amqp_method_number_t crabbit_ack = AMQP_BASIC_ACK_METHOD;
static const amqp_method_number_t crabbit_nack = AMQP_BASIC_NACK_METHOD;
static const amqp_method_number_t crabbit_return = AMQP_BASIC_RETURN_METHOD;
static const amqp_method_number_t crabbit_channel_close = AMQP_CHANNEL_CLOSE_METHOD;
static const amqp_method_number_t crabbit_connection_close = AMQP_CONNECTION_CLOSE_METHOD;
static const amqp_method_number_t crabbit_get_ok = AMQP_BASIC_GET_OK_METHOD;
static const amqp_method_number_t crabbit_blocked = AMQP_CONNECTION_BLOCKED_METHOD;
static const amqp_method_number_t crabbit_unblocked = AMQP_CONNECTION_UNBLOCKED_METHOD;
static const amqp_flags_t crabbit_message_id_flag = AMQP_BASIC_MESSAGE_ID_FLAG;
static const amqp_flags_t crabbit_message_properties = AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG
    | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG;
